import { BLOCK_STATUSES } from '@vmbus/disk'
import {
  either,
  flag,
  integer,
  list,
  nullable,
  object,
  oneOf,
  optional,
  stateForm,
  u16,
  u32,
  u8,
  type Shape,
  type StateForm,
} from '@vmbus/world'
import { savedRange, savedSense } from '../saved.ts'
import type { LunState } from './luns.ts'
import type { Failure, Step } from './command-result.ts'
import type { ControllerState } from './context.ts'
import type { Pending } from './pending.ts'
import type { Finished } from './replies.ts'
import { savedDrive } from './dvd/state.ts'
import { savedDisk } from './scsi/state.ts'
import { PHASES } from './setup.ts'

/** What a controller saves: its own state, and those of its units. */
export interface SavedController extends ControllerState {
  readonly luns: readonly LunState[]
}

type StepOf<O extends Step['op']> = Extract<Step, { op: O }>
const sectors = { sector: integer(), count: integer() }

const step: Shape<Step> = either(
  either(
    object<StepOf<'read' | 'write'>>({
      op: oneOf('read', 'write'),
      sector: integer(),
      offset: integer(),
      length: integer(),
    }),
    object<StepOf<'verify'>>({
      op: oneOf('verify'),
      ...sectors,
      compare: oneOf('nothing', 'all', 'one'),
      offset: integer(),
    }),
  ),
  either(
    either(
      object<StepOf<'same'>>({ op: oneOf('same'), ...sectors }),
      object<StepOf<'discard' | 'zero'>>({ op: oneOf('discard', 'zero'), ...sectors }),
    ),
    object<StepOf<'flush'>>({ op: oneOf('flush') }),
  ),
)

const reply = { low: u32, high: u32, bytes: integer() }

const pending: Shape<Pending> = object({
  slot: integer(1, 0x7fff_ffff),
  channel: u16,
  ...reply,
  key: integer(0, 0xff_ffff),
  range: nullable(savedRange),
  transferred: integer(),
  steps: list(step),
  outstanding: integer(),
  status: oneOf(...BLOCK_STATUSES, 'memory', 'miscompare'),
})

const failure: Shape<Failure> = object({ scsiStatus: u8, srbStatus: u8, sense: optional(savedSense) })

const finished: Shape<Finished> = object({ ...reply, channel: u16, result: either(failure, integer()) })

const lun: Shape<LunState> = either(
  object<LunState & { type: 'disk' }>({ key: integer(0, 0xff_ffff), type: oneOf('disk'), state: savedDisk }),
  object<LunState & { type: 'dvd' }>({ key: integer(0, 0xff_ffff), type: oneOf('dvd'), state: savedDrive }),
)

/** The states of a controller that agrees on one of these versions. */
export const savedController = (versions: readonly number[]): StateForm<SavedController> =>
  stateForm<SavedController>('storvsc', 2, {
    phase: oneOf(...PHASES),
    version: oneOf(0, ...versions),
    subchannels: nullable(u16),
    nextSlot: integer(1, 0x7fff_ffff),
    pending: list(pending),
    finished: list(finished),
    enumerate: flag,
    rescinded: flag,
    luns: list(lun),
  })
