import {
  instance,
  integer,
  list,
  number,
  object,
  oneOf,
  restoreState,
  stateForm,
  type Seed,
  type StateHead,
} from '@vmbus/world'
import { BLOCK_STATUSES, type BlockDevice, type BlockStatus, type DiskState } from './block.ts'
import { badOption } from './errors.ts'
import { checkFor } from './options.ts'

/** A request as a device hands it over. `buffers` are views into guest memory, in order. */
export type BlockRequest =
  | { readonly operation: 'read' | 'write'; readonly sector: number; readonly buffers: readonly Uint8Array[] }
  | { readonly operation: 'discard' | 'zero'; readonly sector: number; readonly count: number }
  | { readonly operation: 'flush' }

/** Filled by `completions`, from index 0; entries past the returned count are old. */
export interface CompletionTable {
  readonly slots: number[]
  readonly statuses: BlockStatus[]
}

export interface QueuedDisk {
  readonly disk: BlockDevice
  /** Requests whose completion was not taken yet. */
  readonly pending: number
  /** Hands a request over at reference time `now` (100 ns units). False when the queue is full: nothing was done then. */
  submit(request: BlockRequest, slot: number, now: number): boolean
  /** Moves every completion due at `now` to the table; returns how many. */
  completions(table: CompletionTable, now: number): number
  /** When the next completion is due; Infinity when there is none. */
  next(): number
  save(): QueuedState
  restore(state: QueuedState): void
}

interface InFlight {
  readonly slot: number
  readonly status: BlockStatus
  readonly at: number
  readonly serial: number
}

/** Its lot is drawn once, since drawing is a hash of the seed: in a sort's comparator that was a quarter of a queued read. */
interface Drawn extends InFlight {
  readonly lot: number
}

/** By time, then by lot. */
const isBefore = (a: Drawn, b: Drawn): boolean => (a.at - b.at || a.lot - b.lot || a.serial - b.serial) < 0

function insert(list: Drawn[], one: Drawn): void {
  let place = list.length
  for (let last = list[place - 1]; last !== undefined && isBefore(one, last); last = list[--place - 1]);
  list.splice(place, 0, one)
}

interface QueuedFields {
  readonly submitted: number
  readonly inFlight: readonly InFlight[]
  readonly disk: DiskState
}

export type QueuedState = QueuedFields & StateHead

const form = stateForm<QueuedFields>('queued', 1, {
  submitted: integer(),
  inFlight: list(
    object<InFlight>({ slot: number(), status: oneOf(...BLOCK_STATUSES), at: number(), serial: integer() }),
  ),
  disk: instance<DiskState>(),
})

export interface QueuedOptions {
  readonly seed: Seed
  /** Names the queue among those of the same seed. */
  readonly name?: string
  /** Delay of a completion, 100 ns units, drawn from [minDelay, maxDelay]; default 0 and 0: at the next call. */
  readonly minDelay?: number
  readonly maxDelay?: number
  /** Default 256. */
  readonly depth?: number
}

/**
 * Completions later and in another order, both chosen by the seed and the request's number. The transfer itself
 * happens at submission, so what is in flight is only a slot, a status and a time. Equal times complete in an order
 * that the seed chooses too. A flush covers all that was submitted before it.
 */
export function queued(disk: BlockDevice, options: QueuedOptions): QueuedDisk {
  checkFor('queued', options)
  const { seed, name = 'disk', minDelay = 0, maxDelay = minDelay, depth = 256 } = options
  if (maxDelay < minDelay) throw badOption(`maxDelay ${maxDelay} is less than minDelay ${minDelay}`)
  let submitted = 0
  /** In the order in which they complete. */
  let inFlight: Drawn[] = []

  const perform = (request: BlockRequest): BlockStatus => {
    switch (request.operation) {
      case 'read':
        return disk.read(request.sector, request.buffers)
      case 'write':
        return disk.write(request.sector, request.buffers)
      case 'discard':
        return disk.discard(request.sector, request.count)
      case 'zero':
        return disk.zero(request.sector, request.count)
      case 'flush':
        return disk.flush()
    }
  }
  const lotOf = (serial: number): number => seed.u32(name, 'order', serial)

  return {
    disk,
    get pending() {
      return inFlight.length
    },
    submit(request, slot, now) {
      if (inFlight.length >= depth) return false
      const serial = submitted++
      const delay = minDelay + seed.below(maxDelay - minDelay + 1, name, 'delay', serial)
      insert(inFlight, { slot, status: perform(request), at: now + delay, serial, lot: lotOf(serial) })
      return true
    },
    completions(table, now) {
      let count = 0
      while (count < inFlight.length && (inFlight[count] as { at: number }).at <= now) {
        const { slot, status } = inFlight[count] as { slot: number; status: BlockStatus }
        table.slots[count] = slot
        table.statuses[count] = status
        count++
      }
      inFlight.splice(0, count)
      return count
    },
    next: () => inFlight[0]?.at ?? Infinity,
    save: () => ({
      ...form.head,
      submitted,
      inFlight: inFlight.map(({ lot: _lot, ...each }) => each),
      disk: disk.save(),
    }),
    restore(state) {
      const saved = restoreState(state, form)
      disk.restore(saved.disk)
      submitted = saved.submitted
      inFlight = saved.inFlight.map((each) => ({ ...each, lot: lotOf(each.serial) }))
    },
  }
}
