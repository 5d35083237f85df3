import { TICKS_PER_SECOND, type Seed } from '@vmbus/world'
import { SwitchError } from './errors.ts'

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
export interface LaneState {
  /** When the last bit of what waits has been sent. */
  busyUntil: number
  /** Frames offered so far: with the lane's name, the identity of a frame's random choices. */
  frames: number
}

const DEFAULT_QUEUE = 1 << 20

export function checkLink(link: LinkOptions): LinkOptions {
  const check = (field: keyof LinkOptions, least: number, most: number): void => {
    const value = link[field]
    if (value !== undefined && !(value >= least && value <= most)) {
      throw new SwitchError('VMBUS_SWITCH_OPTION', field, value, `${least} … ${most}`)
    }
  }
  check('bandwidth', 1, Number.MAX_SAFE_INTEGER)
  for (const field of ['delay', 'jitter', 'queue'] as const) check(field, 0, Number.MAX_SAFE_INTEGER)
  for (const field of ['loss', 'duplicate'] as const) check(field, 0, 1)
  return { ...link }
}

/** The lane's verdict on a frame: LOST, FULL, or the time at which it arrives. */
export const LOST = -1
export const FULL = -2

/** Takes a frame of `length` bytes at `now`. `lane` names it for the seed. */
export function admit(
  state: LaneState,
  link: LinkOptions,
  length: number,
  now: number,
  seed: Seed,
  lane: string,
): number {
  const frame = state.frames++
  const chance = (what: string, probability: number | undefined): boolean =>
    probability !== undefined && probability > 0 && seed.u32(what, lane, frame) < probability * 0x1_0000_0000
  if (chance('loss', link.loss)) return LOST
  let at = now
  if (link.bandwidth !== undefined) {
    const start = Math.max(now, state.busyUntil)
    if (((start - now) * link.bandwidth) / (8 * TICKS_PER_SECOND) > (link.queue ?? DEFAULT_QUEUE)) return FULL
    at = state.busyUntil = start + Math.ceil((length * 8 * TICKS_PER_SECOND) / link.bandwidth)
  }
  return at + (link.delay ?? 0) + (link.jitter ? seed.below(link.jitter + 1, 'jitter', lane, frame) : 0)
}

/** When a second copy of the frame just admitted arrives, or LOST when there is none. */
export function admitDuplicate(state: LaneState, link: LinkOptions, first: number, seed: Seed, lane: string): number {
  const frame = state.frames - 1
  if (!link.duplicate || seed.u32('duplicate', lane, frame) >= link.duplicate * 0x1_0000_0000) return LOST
  return first + (link.jitter ? seed.below(link.jitter + 1, 'duplicate jitter', lane, frame) : 0)
}
