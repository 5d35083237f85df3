import { flag, nullable, object, oneOf, type Shape } from '@vmbus/world'
import type { Sense } from '../../protocol/index.ts'
import { savedSense } from '../../saved.ts'

const EVENTS = ['none', 'inserted', 'removed', 'changed', 'eject-asked'] as const

/** What a drive remembers, as plain data. */
export interface DvdState {
  readonly v: 2
  /** A medium is in the tray. The tray of a drive with a medium counts as closed. */
  present: boolean
  trayOpen: boolean
  /** PREVENT ALLOW MEDIUM REMOVAL. */
  prevented: boolean
  /** What happened to the medium since the last GET EVENT STATUS. */
  event: (typeof EVENTS)[number]
  /** A medium was put in, and no unit attention has reported it yet. */
  changed: boolean
  sense: Sense | null
}

export const savedDrive: Shape<DvdState> = object({
  v: oneOf(2),
  present: flag,
  trayOpen: flag,
  prevented: flag,
  event: oneOf(...EVENTS),
  changed: flag,
  sense: nullable(savedSense),
})

export const initialDrive = (present: boolean): DvdState => ({
  v: 2,
  present,
  trayOpen: false,
  prevented: false,
  event: 'none',
  changed: false,
  sense: null,
})
