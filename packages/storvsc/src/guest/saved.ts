import { savedRequests, type SavedRequests } from '@vmbus/core'
import {
  bytes,
  either,
  flag,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  text,
  u16,
  u32,
  u8,
  type Shape,
  type StateForm,
} from '@vmbus/world'
import { VSTOR_VERSIONS } from '../protocol/index.ts'
import { savedRange, savedSense } from '../saved.ts'
import { OUTCOMES, type RequestResult } from './result.ts'
import { PHASES, STAGES, type Disk, type GuestState, type RequestRecord, type ScanState, type Task } from './state.ts'

/** What a driver saves: its state, and what the host has. */
export interface SavedGuest extends GuestState {
  readonly requests: SavedRequests<RequestRecord>
}

const at = { path: u8, target: u8, lun: u8 }

const request: Shape<RequestRecord> = object({
  id: integer(1),
  own: flag,
  ...at,
  cdb: bytes(),
  direction: oneOf('read', 'write', 'none'),
  buffer: nullable(savedRange),
  pages: list(integer()),
  tagged: flag,
  vp: nullable(integer()),
  tries: integer(),
  channel: integer(-1),
})

const result: Shape<RequestResult> = object({
  outcome: oneOf(...OUTCOMES),
  srbStatus: u8,
  scsiStatus: u8,
  transferred: integer(),
  sense: optional(savedSense),
})

const disk: Shape<Disk> = object({
  ...at,
  deviceType: u8,
  vendor: text,
  product: text,
  revision: text,
  wwn: text,
  sectors: integer(),
  sectorSize: integer(),
  physicalSectorSize: integer(),
  unmap: flag,
  readOnly: flag,
})

const task: Shape<Task> = either(
  object<Task & { readonly kind: 'target' }>({ kind: oneOf('target'), path: u8, target: u8 }),
  object<Task & { readonly kind: 'lun' }>({ kind: oneOf('lun'), ...at }),
)

const scan: Shape<ScanState> = object({
  tasks: list(task),
  task: nullable(task),
  stage: oneOf(...STAGES),
  found: nullable(disk),
  request: integer(),
  pfn: integer(),
})

export const savedGuest = (depth: number): StateForm<SavedGuest> =>
  stateForm<SavedGuest>('storvsc-driver', 3, {
    phase: oneOf(...PHASES),
    attempt: integer(),
    version: oneOf(0, ...VSTOR_VERSIONS),
    maxSubchannels: u16,
    maxTransferBytes: u32,
    portName: text,
    nodeName: text,
    unsent: flag,
    deadline: number(),
    nextId: integer(1),
    rotor: integer(),
    queue: list(request),
    requests: savedRequests(request, depth),
    ended: list(object<GuestState['ended'][number]>({ request, result })),
    disks: list(disk),
    scan: nullable(scan),
    resetting: flag,
    unread: flag,
  })
