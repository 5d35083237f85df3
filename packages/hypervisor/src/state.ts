import { register, type Register } from './register.ts'

export const SINTS = 16
export const TIMERS = 4

/** A message that waits for its slot to become free. */
export interface QueuedMessage {
  readonly type: number
  /** A private copy, 0…240 bytes. */
  readonly payload: Uint8Array
}

/** A synthetic timer. Times are 100 ns of reference time; -1 is none. */
export interface TimerState {
  readonly config: Register
  readonly count: Register
  /** When it expires by its own arithmetic: what the message says. */
  due: number
  /** When the owner was asked to call: later than `due` while a periodic timer catches up. */
  callAt: number
  /** It expired, and its message waits for a free slot or a ready SINT. */
  waiting: boolean
}

/** One virtual processor; made when its first register changes, so that 2048 cost nothing until used. */
export interface VpState {
  readonly assistPage: Register
  readonly scontrol: Register
  readonly siefp: Register
  readonly simp: Register
  readonly sints: readonly Register[]
  readonly timers: readonly TimerState[]
  /** Messages behind each slot, oldest first. */
  readonly queues: readonly QueuedMessage[][]
}

/** Everything of a partition that a guest can change. */
export interface PartitionState {
  readonly guestOsId: Register
  readonly hypercall: Register
  readonly referenceTsc: Register
  /** Sequence number of the last reference TSC page that was written, 0 before the first. */
  tscSequence: number
  readonly crash: readonly Register[]
  readonly reenlightenmentControl: Register
  readonly tscEmulationControl: Register
  readonly tscEmulationStatus: Register
  readonly tscInvariantControl: Register
  readonly vps: (VpState | undefined)[]
}

/** TLFS "SINTx Registers": masked, vector 0, after creation and reset. */
export const SINT_MASKED = 0x1_0000

export function newVp(): VpState {
  return {
    assistPage: register(),
    scontrol: register(),
    siefp: register(),
    simp: register(),
    sints: Array.from({ length: SINTS }, () => register(SINT_MASKED)),
    timers: Array.from({ length: TIMERS }, () => ({
      config: register(),
      count: register(),
      due: -1,
      callAt: -1,
      waiting: false,
    })),
    queues: Array.from({ length: SINTS }, () => []),
  }
}

export function newPartitionState(): PartitionState {
  return {
    guestOsId: register(),
    hypercall: register(),
    referenceTsc: register(),
    tscSequence: 0,
    crash: Array.from({ length: 5 }, () => register()),
    reenlightenmentControl: register(),
    tscEmulationControl: register(),
    tscEmulationStatus: register(),
    tscInvariantControl: register(),
    vps: [],
  }
}

/** A VP's state, made on demand. */
export function vpOf(state: PartitionState, vp: number): VpState {
  const found = state.vps[vp]
  if (found !== undefined) return found
  const made = newVp()
  state.vps[vp] = made
  return made
}
