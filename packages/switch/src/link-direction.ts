import { TICKS_PER_SECOND, type Seed } from '@vmbus/world'

/** Faults and limits of a port's cable, the same in both directions. Chances are 0 … 1. */
export interface LinkOptions {
  /** Bits per second; frames wait their turn. */
  readonly bandwidth?: number | undefined
  /** 100 ns units that every frame takes. */
  readonly delay?: number | undefined
  /** Up to this much is added to the delay, frame by frame: frames may overtake each other. */
  readonly jitter?: number | undefined
  readonly loss?: number | undefined
  readonly duplicate?: number | undefined
  /** Bytes that may wait for the bandwidth; a frame beyond is dropped. Default 1 MiB. */
  readonly queue?: number | undefined
}

/** One direction of a port's link. */
export interface LinkDirectionState {
  /** When the last bit of what waits has been sent: whole 100 ns units, … */
  busyUntil: number
  /** … and the rest, in bandwidth-ths of one: a 64-byte frame takes 0.512 units at 10 Gbit/s. */
  fraction: number
  /** Frames offered so far: with the direction's name, what a frame's random choices are drawn by. */
  frames: number
}

export const newLinkDirection = (): LinkDirectionState => ({ busyUntil: 0, fraction: 0, frames: 0 })

const DEFAULT_QUEUE = 1 << 20
/** A byte, in bits × 100 ns units per second: divided by a bandwidth it is a time. */
const BYTE = 8 * TICKS_PER_SECOND

/** Instead of the time at which a frame arrives. */
export const LOST = -1
export const FULL = -2

/** Takes a frame of `length` bytes at `now`: the time at which it arrives, LOST or FULL. `name` is the direction's, for the seed. */
export function admit(
  state: LinkDirectionState,
  link: LinkOptions,
  length: number,
  now: number,
  seed: Seed,
  name: string,
): number {
  const frame = state.frames++
  const chance = (what: string, probability: number | undefined): boolean =>
    probability !== undefined && probability > 0 && seed.u32(what, name, frame) < probability * 0x1_0000_0000
  if (chance('loss', link.loss)) return LOST
  const at = link.bandwidth === undefined ? now : transmit(state, link.bandwidth, link.queue, length, now)
  if (at === FULL) return FULL
  return at + (link.delay ?? 0) + (link.jitter ? seed.below(link.jitter + 1, 'jitter', name, frame) : 0)
}

/** When the last bit of a frame has been sent, rounded up, or FULL. */
function transmit(
  state: LinkDirectionState,
  bandwidth: number,
  queue = DEFAULT_QUEUE,
  length: number,
  now: number,
): number {
  if (state.busyUntil < now) setIdle(state, now)
  const waiting = (state.busyUntil - now) * bandwidth + state.fraction
  if (waiting > queue * BYTE) return FULL
  const end = state.fraction + length * BYTE
  state.fraction = end % bandwidth
  state.busyUntil += (end - state.fraction) / bandwidth
  return wholeEnd(state)
}

const wholeEnd = ({ busyUntil, fraction }: LinkDirectionState): number => busyUntil + (fraction > 0 ? 1 : 0)

const setIdle = (state: LinkDirectionState, at: number): void => {
  state.busyUntil = at
  state.fraction = 0
}

/** The direction gets another bandwidth: what waits is sent by the old one, to the end of the unit that it ends in. */
export const changeBandwidth = (state: LinkDirectionState): void => setIdle(state, wholeEnd(state))

/** When a second copy of the frame just admitted arrives, or LOST when there is none. */
export function admitDuplicate(
  state: LinkDirectionState,
  link: LinkOptions,
  first: number,
  seed: Seed,
  name: string,
): number {
  const frame = state.frames - 1
  if (!link.duplicate || seed.u32('duplicate', name, frame) >= link.duplicate * 0x1_0000_0000) return LOST
  return first + (link.jitter ? seed.below(link.jitter + 1, 'duplicate jitter', name, frame) : 0)
}
