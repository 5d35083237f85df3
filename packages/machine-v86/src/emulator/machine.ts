import type { CpuidResult, GuestMemory, Partition } from '@vmbus/hypervisor'
import { DEFAULT_EPOCH, seeded, timerQueue, unixMsOf, type Clock, type Diagnose, type Seed, type TimerQueue, type Timers } from '@vmbus/world'
import { MachineError } from '../errors.ts'
import { bootStub } from '../boot/stub.ts'
import { cpuViews } from './cpu-views.ts'
import type { Ambient, Emulator } from './load.ts'
import { saveCpu, restoreCpu, type CpuState } from './state.ts'
import { HOOK_BASE, HOOK_FAULT, HookKind } from './wasm-patch.ts'
import type { WasmImports } from './webassembly.ts'

/** `in eax, 0xE6; ret`: traps to the host through v86's port read, where VMCALL would not exist. */
export const HYPERCALL_CODE: Uint8Array = Uint8Array.of(0xe5, 0xe6, 0xc3)
const HYPERCALL_PORT = 0xe6
const HYPERVISOR_LEAF = 0x4000_0000
const HYPERCALL_MSR = 0x4000_0001
const SYNTHETIC_MSR_FIRST = 0x4000_0000
const SYNTHETIC_MSR_LAST = 0x4000_ffff
const PAGE = 4096

/** v86 looks at timers and interrupts at least after this many instructions; a counter moved by it makes it look at once. */
const LONGEST_SLICE = 100_000
/** Virtual nanoseconds of one reading of a clock: keeps time strictly increasing inside one run of instructions. */
const CLOCK_READ_NS = 200

/** Ports of our own ACPI tables (boot/acpi.ts): v86's PM1a control, and a reset register that it does not use. */
const PM1A_CONTROL = 0xb004
const RESET_PORT = 0xcf9
const SLEEP_ENABLE = 1 << 13

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
}
export const DEFAULT_JITTER: Jitter = { stealNs: 2_000, interruptNs: 50_000 }

/** Why a machine stopped by itself. */
export type MachineEnd = 'poweroff' | 'reboot' | 'triple-fault' | 'dead'

export interface MachineSnapshot {
  readonly version: 1
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
  readonly instructions: number
  /** Starts the processor at the reset vector with a boot stub that enters `entry` in 32-bit mode, ESI = boot_params. */
  start(entry: number, bootParams: number): void
  save(): MachineSnapshot
  restore(snapshot: MachineSnapshot): void
}

export function createMachine(options: MachineOptions): Machine {
  const { emulator } = options
  const memoryMB = options.memoryMB ?? 128
  if (!Number.isInteger(memoryMB) || memoryMB < 32 || memoryMB > 1024) {
    throw new MachineError('VMBUS_MACHINE_OPTIONS', `memoryMB must be an integer from 32 to 1024`, { memoryMB })
  }
  const instructionNs = options.instructionNs ?? 10
  const epoch = options.epoch ?? DEFAULT_EPOCH
  const seed = seeded(options.seed ?? 1)
  const jitter: Jitter = { ...DEFAULT_JITTER, ...options.jitter }

  let partition: ProcessorTraps | undefined
  let ended: MachineEnd | undefined
  let timeNs = 0
  let instructions = 0
  let lastCounter = 0
  let clockReads = 0
  let randomDraws = 0
  let interrupts = 0
  let slices = 0
  let pending: (readonly [vector: number, atNs: number])[] = []
  let hypercallPage = 0
  let sliceEndNs = 0
  let faulted = false
  /** While v86 starts, is saved or restored, its looks at the clock must not move time. */
  let frozen = true
  const queues: TimerQueue[] = []

  const cpuid: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
  const msr = new Uint32Array(2)

  /** Brings the time up to the instructions that ran since the last look. */
  const advance = (): void => {
    const counter = views.counter()
    const ran = (counter - lastCounter) >>> 0
    lastCounter = counter
    instructions += ran
    timeNs += ran * instructionNs
  }
  const now = (): number => Math.floor(timeNs / 100)

  const ambient: Ambient = {
    now() {
      // v86 extrapolates its TSC when it reads one time twice; one nanosecond on, a save stores what a restore computes.
      if (frozen) return (timeNs + 1) / 1e6
      advance()
      clockReads++
      timeNs += CLOCK_READ_NS
      return timeNs / 1e6
    },
    unixMs: () => unixMsOf(epoch) + Math.floor(timeNs / 1e6),
    random: () => seed.u32('random', randomDraws++) | 0,
    log: (text) => options.diagnose?.({ code: 'VMBUS_V86_LOG', source: 'v86', message: text }),
  }

  const runTimers = (): void => {
    const at = now()
    for (const queue of queues) queue.run(at)
  }
  const nextEventNs = (): number => {
    let next = Infinity
    for (const queue of queues) next = Math.min(next, queue.next() * 100)
    for (const [, at] of pending) next = Math.min(next, at)
    return next
  }

  const onCpuid = (): number => {
    const { registers } = views.renew()
    const leaf = (registers[0] ?? 0) >>> 0
    // v86's own leaf 1 already says that there is a hypervisor.
    if (partition === undefined || leaf < HYPERVISOR_LEAF || !partition.cpuid(0, leaf, (registers[1] ?? 0) >>> 0, cpuid)) return 0
    const after = views.renew().registers
    after[0] = cpuid.eax
    after[3] = cpuid.ebx
    after[1] = cpuid.ecx
    after[2] = cpuid.edx
    return 1
  }
  const onMsr = (write: boolean): number => {
    const { registers, bytes } = views.renew()
    const index = (registers[1] ?? 0) >>> 0
    if (index < SYNTHETIC_MSR_FIRST || index > SYNTHETIC_MSR_LAST || bytes[views.cplOffset] !== 0) return 0
    if (partition === undefined) {
      faulted = true
      return 1
    }
    advance()
    if (write) {
      const low = (registers[0] ?? 0) >>> 0
      const high = (registers[2] ?? 0) >>> 0
      faulted = !partition.wrmsr(0, index, low, high)
      if (!faulted && index === HYPERCALL_MSR) hypercallPage = (low & 1) === 1 ? low - (low % PAGE) : 0
    } else {
      faulted = !partition.rdmsr(0, index, msr)
      if (!faulted) {
        const after = views.renew().registers
        after[0] = msr[0] ?? 0
        after[2] = msr[1] ?? 0
      }
    }
    return 1
  }
  const onHypercall = (): number | undefined => {
    const { registers, bytes } = views.renew()
    if (partition === undefined || hypercallPage === 0 || bytes[views.cplOffset] !== 0) return undefined
    if (!views.executingPage(hypercallPage)) return undefined
    advance()
    const [eax = 0, ecx = 0, edx = 0, ebx = 0, , , esi = 0, edi = 0] = registers
    const result = partition.hypercall(0, eax >>> 0, edx >>> 0, ecx >>> 0, ebx >>> 0, esi >>> 0, edi >>> 0)
    views.renew().registers[2] = Math.floor(result / 0x1_0000_0000) | 0
    return result | 0
  }

  const imports = (env: WasmImports): void => {
    const read32 = env['io_port_read32'] as (port: number) => number
    env['io_port_read32'] = (port: number): number => {
      if (port < HOOK_BASE) return (port === HYPERCALL_PORT ? onHypercall() : undefined) ?? read32(port)
      if (port === HOOK_FAULT) {
        const fault = faulted ? 1 : 0
        faulted = false
        return fault
      }
      if (port === HOOK_BASE + HookKind.cpuid) return onCpuid()
      return onMsr(port === HOOK_BASE + HookKind.wrmsr)
    }
    env['get_rand_int'] = ambient.random
    const timersOf = env['run_hardware_timers'] as (acpi: number, at: number) => number
    env['run_hardware_timers'] = (acpi: number, at: number): number => {
      advance()
      if (jitter.stealNs > 0) timeNs += seed.below(jitter.stealNs, 'steal', slices++)
      runTimers()
      deliverPending()
      const idleMs = timersOf(acpi, at)
      planSlice(idleMs)
      return idleMs
    }
  }

  const instance = emulator.create(
    {
      memory_size: memoryMB * 1024 * 1024,
      vga_memory_size: 1024 * 1024,
      acpi: true,
      disable_jit: options.jit !== true,
      autostart: false,
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
      net_device: { type: 'none' },
      uart1: true,
    },
    imports,
    ambient,
  )
  const { cpu, bus } = instance
  const views = cpuViews(cpu)
  views.setSlice(LONGEST_SLICE)
  frozen = false
  const size = memoryMB * 1024 * 1024
  const memory: GuestMemory = {
    size,
    get bytes() {
      return views.ram().bytes
    },
    get view() {
      return views.ram().view
    },
    get words() {
      return views.ram().words
    },
    wrote: (gpa, length) => cpu.jit_dirty_cache(gpa, gpa + length),
  }

  bus.register('serial0-output-byte', (value) => options.serial?.(0, value), undefined)
  bus.register('serial1-output-byte', (value) => options.serial?.(1, value), undefined)
  cpu.io.register_write(PM1A_CONTROL, cpu.devices.acpi, undefined, (value) => {
    cpu.devices.acpi.status = value & ~SLEEP_ENABLE
    if ((value & SLEEP_ENABLE) !== 0) end('poweroff')
  })
  cpu.io.register_write(RESET_PORT, undefined, () => end('reboot'))

  /** Makes v86 leave its run of instructions, so that it looks at interrupts and time. */
  const kick = (): void => {
    advance()
    lastCounter = views.bumpCounter(LONGEST_SLICE)
  }
  const end = (how: MachineEnd): void => {
    ended ??= how
    kick()
  }

  /**
   * v86's own code traps (a WebAssembly RuntimeError) where a real processor would shut down: a fault while delivering a
   * double fault, or an instruction that it does not know.
   */
  const runLoop = (): number => {
    try {
      const idleMs = cpu.main_loop()
      if (views.dead) end('dead')
      return idleMs
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'RuntimeError') throw error
      options.diagnose?.({ code: 'VMBUS_V86_TRAP', source: 'v86', message: error.message })
      end('triple-fault')
      return 0
    }
  }
  /** The next look is due at the next event, ours or v86's own timer in `idleMs`. */
  const planSlice = (idleMs: number): void => {
    const untilNs = Math.min(nextEventNs() - timeNs, idleMs * 1e6)
    const slice = Math.min(LONGEST_SLICE, Math.max(1, Math.ceil(untilNs / instructionNs)))
    views.setSlice(slice)
    sliceEndNs = timeNs + slice * instructionNs
  }
  const deliverPending = (): void => {
    if (pending.length === 0) return
    const due = pending.filter(([, at]) => at <= timeNs)
    pending = pending.filter(([, at]) => at > timeNs)
    for (const [vector] of due) views.raise(cpu.get_apic_addr(), vector)
  }
  const machine: Machine = {
    memory,
    seed,
    clock: {
      now: () => {
        if (!frozen) advance()
        return now()
      },
      fileTime: () => epoch + BigInt(now()),
    },
    hypercallCode: HYPERCALL_CODE,
    timers(fire) {
      const queue = timerQueue(fire)
      queues.push(queue)
      return {
        clear: (name) => queue.clear(name),
        set(name, at) {
          queue.set(name, at)
          if (at * 100 < sliceEndNs) kick()
        },
      }
    },
    interrupt(_vp, vector) {
      advance()
      const delay = jitter.interruptNs > 0 ? seed.below(jitter.interruptNs, 'interrupt', interrupts) : 0
      interrupts++
      pending.push([vector & 0xff, timeNs + delay])
      kick()
    },
    connect(next) {
      partition = next
    },
    type(port, bytes) {
      emulator.within(ambient, () => {
        for (const value of bytes) bus.send(`serial${port}-input`, value)
      })
    },
    run(until, budget) {
      return emulator.within(ambient, () => {
        for (let left = budget; left > 0 && ended === undefined; left--) {
          advance()
          if (now() >= until) break
          const idleMs = runLoop()
          advance()
          if (ended === undefined && idleMs > 0) {
            const wake = Math.min(timeNs + Math.max(idleMs, 0.001) * 1e6, nextEventNs(), until * 100)
            timeNs = Math.max(timeNs, wake)
          }
          runTimers()
          deliverPending()
        }
        return ended ?? 'running'
      })
    },
    get ended() {
      return ended
    },
    get instructions() {
      return instructions
    },
    start(entry, bootParams) {
      bootStub(memory, entry, bootParams)
    },
    save() {
      advance()
      frozen = true
      try {
        return { version: 1, cpu: emulator.within(ambient, () => saveCpu(instance)), timeNs, instructions, randomDraws, clockReads, slices, interrupts, pending: [...pending], hypercallPage }
      } finally {
        frozen = false
      }
    },
    restore(snapshot) {
      frozen = true
      try {
        timeNs = snapshot.timeNs
        emulator.within(ambient, () => restoreCpu(instance, snapshot.cpu))
        ;({ instructions, randomDraws, clockReads, slices, interrupts, hypercallPage } = snapshot)
        pending = [...snapshot.pending]
        lastCounter = views.counter()
        ended = undefined
      } finally {
        frozen = false
      }
    },
  }
  return machine
}
