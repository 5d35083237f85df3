import { guestMemory } from '@vmbus/hypervisor'
import { DEFAULT_EPOCH, restoreState, seeded, timerQueue, unixMsOf, type TimerQueue } from '@vmbus/world'
import { bootStub } from '../boot/stub.ts'
import { MachineError } from '../errors.ts'
import { MACHINE_OPTIONS, checkOptions } from '../options.ts'
import { cpuViews } from './cpu-views.ts'
import type { Ambient } from './load.ts'
import {
  DEFAULT_JITTER,
  LONGEST_SLICE,
  type Jitter,
  type Machine,
  type MachineEnd,
  type MachineOptions,
} from './machine-types.ts'
import { MACHINE_STATE, restoreCpu, saveCpu } from './state.ts'
import { HYPERCALL_CODE, trapDispatcher } from './traps.ts'
import type { WasmImports } from './webassembly.ts'

/** Virtual nanoseconds of one reading of a clock: keeps time strictly increasing inside one run of instructions. */
const CLOCK_READ_NS = 200

/** Ports of our own ACPI tables (boot/acpi.ts): v86's PM1a control, and a reset register that it does not use. */
const PM1A_CONTROL = 0xb004
const RESET_PORT = 0xcf9
const SLEEP_ENABLE = 1 << 13

export function createMachine(options: MachineOptions): Machine {
  const { emulator, memoryMB = 128, instructionNs = 10, epoch = DEFAULT_EPOCH } = options
  checkOptions('createMachine', MACHINE_OPTIONS, options)
  const seed = seeded(options.seed ?? 1)
  const jitter: Jitter = { ...DEFAULT_JITTER, ...options.jitter }

  let ended: MachineEnd | undefined
  let timeNs = 0
  let instructions = 0
  let lastCounter = 0
  let clockReads = 0
  let randomDraws = 0
  let interrupts = 0
  let slices = 0
  let pending: (readonly [vector: number, atNs: number])[] = []
  let sliceEndNs = 0
  /** While v86 starts, is saved or restored, its looks at the clock must not move time. */
  let frozen = true
  const queues: TimerQueue[] = []

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

  const traps = trapDispatcher(() => views, advance)

  const imports = (env: WasmImports): void => {
    const read32 = env['io_port_read32'] as (port: number) => number
    env['io_port_read32'] = (port: number): number => traps.read32(port) ?? read32(port)
    env['get_rand_int'] = ambient.random
    const timersOf = env['run_hardware_timers'] as (acpi: number, at: number) => number
    env['run_hardware_timers'] = (acpi: number, at: number): number => {
      advance()
      slices++
      if (jitter.stealNs > 0) timeNs += seed.below(jitter.stealNs, 'steal', slices)
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
  const memory = guestMemory({
    source: cpu.wasm_memory,
    base: cpu.mem8.byteOffset,
    size: memoryMB * 1024 * 1024,
    ...(options.jit === true && {
      wrote: (gpa, length) => void (length > 0 && cpu.jit_dirty_cache(gpa, gpa + length)),
    }),
  })

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
    const cut = jitter.sliceInstructions > 0 ? seed.below(jitter.sliceInstructions, 'slice', slices) : 0
    const slice = Math.max(1, Math.min(LONGEST_SLICE - cut, Math.ceil(untilNs / instructionNs)))
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
    connect: (partition) => traps.connect(partition),
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
    get interruptsOff() {
      return views.interruptsOff
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
        return {
          ...MACHINE_STATE.head,
          memoryMB,
          cpu: emulator.within(ambient, () => saveCpu(instance)),
          timeNs,
          instructions,
          randomDraws,
          clockReads,
          slices,
          interrupts,
          pending: [...pending],
          hypercallPage: traps.hypercallPage,
        }
      } finally {
        frozen = false
      }
    },
    restore(given) {
      const snapshot = restoreState(given, MACHINE_STATE)
      if (snapshot.memoryMB !== memoryMB)
        throw new MachineError('VMBUS_MACHINE_SNAPSHOT', `the snapshot has ${snapshot.memoryMB} MiB of RAM`, {
          memoryMB,
        })
      frozen = true
      try {
        timeNs = snapshot.timeNs
        emulator.within(ambient, () => restoreCpu(instance, snapshot.cpu))
        ;({ instructions, randomDraws, clockReads, slices, interrupts } = snapshot)
        traps.hypercallPage = snapshot.hypercallPage
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
