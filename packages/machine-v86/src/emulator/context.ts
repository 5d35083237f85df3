import type { GuestMemory } from '@vmbus/hypervisor'
import type { Diagnose, Seed, TimerQueue } from '@vmbus/world'
import type { CpuViews } from './cpu-views.ts'
import type { Ambient, Emulator, EmulatorInstance } from './emulator-types.ts'
import type { Jitter, MachineEnd } from './machine-types.ts'
import type { TrapDispatcher } from './traps.ts'

/** What moves in a machine beside its processor and its devices. */
export interface MachineState {
  /** Virtual nanoseconds since power-on. */
  timeNs: number
  instructions: number
  /** The processor's counter at the last look. */
  lastCounter: number
  clockReads: number
  randomDraws: number
  slices: number
  /** When v86 looks at timers and interrupts next. */
  sliceEndNs: number
  /** How many were raised. */
  interrupts: number
  /** Interrupts on their way. */
  pending: (readonly [vector: number, atNs: number])[]
  /** While v86 starts, is saved or restored, its looks at the clock must not move time. */
  frozen: boolean
  ended: MachineEnd | undefined
}

/** What a machine's time is made of. */
export interface TimeContext {
  readonly state: MachineState
  readonly instructionNs: number
  /** Instructions executed, modulo 2^32; asked for once v86 has started. */
  counter(): number
}

/** What the parts of a machine share once v86 has started. */
export interface MachineContext extends TimeContext, EmulatorInstance {
  readonly emulator: Emulator
  readonly ambient: Ambient
  readonly memory: GuestMemory
  readonly memoryMB: number
  readonly views: CpuViews
  readonly traps: TrapDispatcher
  readonly seed: Seed
  readonly jitter: Jitter
  readonly queues: TimerQueue[]
  readonly diagnose: Diagnose | undefined
}

export const initialState = (): MachineState => ({
  timeNs: 0,
  instructions: 0,
  lastCounter: 0,
  clockReads: 0,
  randomDraws: 0,
  slices: 0,
  sliceEndNs: 0,
  interrupts: 0,
  pending: [],
  frozen: true,
  ended: undefined,
})
