import { integer, nullable, object, oneOf, type Shape } from '@vmbus/world'
import type { Sense } from '../../protocol/index.ts'
import { savedSense } from '../../saved.ts'

/** What a disk remembers, as plain data. */
export interface DiskState {
  readonly v: 1
  /** The size in sectors that the guest knows. */
  reported: number
  sense: Sense | null
}

export const savedDisk: Shape<DiskState> = object({ v: oneOf(1), reported: integer(1), sense: nullable(savedSense) })
