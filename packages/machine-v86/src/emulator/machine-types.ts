import type { GuestMemory, Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, StateHead, Timers } from '@vmbus/world'
import type { Emulator } from './emulator-types.ts'

export interface MachineOptions {
  readonly emulator: Emulator
  /** RAM in MiB, 32 … 1024; default 128. */
  readonly memoryMB?: number
  /** Drives RDRAND, timing jitter and interrupt delays. Default 1. */
  readonly seed?: number
  /** Compile hot code: faster for CPU-heavy guests, but then runs are not repeatable. Default false. */
  readonly jit?: boolean
  /** Wall clock (FILETIME) at reference time 0, what the guest's CMOS clock shows. */
  readonly epoch?: bigint
  /** Virtual nanoseconds that an instruction takes; default 10 (100 million instructions in a second). */
  readonly instructionNs?: number
  readonly diagnose?: Diagnose
  /** A byte left a serial port: 0 is the kernel's console, 1 the command agent's line. */
  serial?(port: SerialPort, byte: number): void
  /** Seeded variation of timing, so that another seed is another run; default DEFAULT_JITTER. */
  readonly jitter?: Partial<Jitter>
}

/** What the processor asks of a partition. */
export type ProcessorTraps = Pick<Partition, 'cpuid' | 'rdmsr' | 'wrmsr' | 'hypercall'>

export type SerialPort = 0 | 1

/** How far the seed may move things, in virtual nanoseconds. */
export interface Jitter {
  /** Time that passes unseen after each slice of instructions: 0 … this, as if the host ran something else. */
  readonly stealNs: number
  /** An interrupt reaches the processor 0 … this after it was raised. */
  readonly interruptNs: number
  /** Instructions, 0 … this, by which each slice is cut short: where v86 looks at its devices moves with it. */
  readonly sliceInstructions: number
}
/** v86 looks at timers and interrupts at least after this many instructions; a counter moved by it makes it look at once. */
export const LONGEST_SLICE = 100_000
export const DEFAULT_JITTER: Jitter = { stealNs: 2_000, interruptNs: 50_000, sliceInstructions: 50_000 }

/** Why a machine stopped by itself. */
export type MachineEnd = 'poweroff' | 'reboot' | 'triple-fault' | 'dead'

/** v86's own save file (zeroed pages left out), with what it forgets. */
export interface CpuState {
  readonly file: Uint8Array
  /**
   * The processor's block of wasm memory. v86's restore leaves out the last result (from which flags are computed), the
   * FPU status word and MXCSR, and does not save the instruction counter.
   */
  readonly processor: Uint8Array
  /** Bytes that the guest has not read yet, of both serial ports. */
  readonly serialInput: readonly [readonly number[], readonly number[]]
  /** v86's guard against its ACPI timer going back: last value, offset, value at the last look. */
  readonly acpiTimer: readonly number[]
}

export interface MachineSnapshot extends StateHead {
  readonly memoryMB: number
  readonly cpu: CpuState
  /** Virtual time in nanoseconds, as a decimal number, and what it is computed from. */
  readonly timeNs: number
  readonly instructions: number
  readonly randomDraws: number
  readonly clockReads: number
  readonly slices: number
  readonly interrupts: number
  /** Interrupts on their way: vector and virtual nanosecond of arrival. */
  readonly pending: readonly (readonly [vector: number, atNs: number])[]
  readonly hypercallPage: number
}

/** One virtual machine with one 32-bit processor, driven by calls: it never runs by itself. */
export interface Machine {
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly seed: Seed
  /** A queue of timers in the machine's time, which the machine runs. */
  timers(fire: (name: string, at: number) => void): Timers
  readonly hypercallCode: Uint8Array
  /** Raises an edge interrupt on the processor's local APIC, after the delay that the seed gives. */
  interrupt(vp: number, vector: number): void
  /** Connects what the processor traps on. Without a partition the guest finds no hypervisor. */
  connect(partition: ProcessorTraps): void
  /** Bytes into a serial port's receiver. */
  type(port: SerialPort, bytes: Uint8Array): void
  /** Runs until reference time `until` (100 ns units), the machine's end, or `budget` calls of the emulator. */
  run(until: number, budget: number): MachineEnd | 'running'
  readonly ended: MachineEnd | undefined
  /** The processor takes no interrupts now (EFLAGS.IF is 0). */
  readonly interruptsOff: boolean
  readonly instructions: number
  /** Starts the processor at the reset vector with a boot stub that enters `entry` in 32-bit mode, ESI = boot_params. */
  start(entry: number, bootParams: number): void
  save(): MachineSnapshot
  /** Throws VMBUS_STATE_INVALID for what is no snapshot, VMBUS_MACHINE_SNAPSHOT for one of another size. */
  restore(snapshot: MachineSnapshot): void
}
