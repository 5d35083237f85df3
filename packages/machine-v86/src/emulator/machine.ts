import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import { DEFAULT_EPOCH, seeded } from '@vmbus/world'
import { bootStub } from '../boot/stub.ts'
import { MACHINE_OPTIONS, checkOptions } from '../options.ts'
import { ambientOf } from './ambient.ts'
import { initialState, type MachineContext, type TimeContext } from './context.ts'
import { cpuViews } from './cpu-views.ts'
import { raise } from './interrupts.ts'
import { DEFAULT_JITTER, LONGEST_SLICE, type Machine, type MachineOptions } from './machine-types.ts'
import { end, run } from './run.ts'
import { endSlice, planSlice, timers } from './slices.ts'
import { restore, save } from './snapshot.ts'
import { advance, ticksOf } from './time.ts'
import { HYPERCALL_CODE, trapDispatcher } from './traps.ts'
import type { V86Cpu, V86Options } from './v86-types.ts'
import type { WasmImports } from './webassembly.ts'

/** Ports of our own ACPI tables (boot/acpi.ts): v86's PM1a control, and a reset register that it does not use. */
const PM1A_CONTROL = 0xb004
const RESET_PORT = 0xcf9
const SLEEP_ENABLE = 1 << 13

export function createMachine(options: MachineOptions): Machine {
  const { emulator, epoch = DEFAULT_EPOCH } = options
  checkOptions('createMachine', MACHINE_OPTIONS, options)
  const ctx = contextOf(options, epoch)
  const { state, memory, ambient, traps, views, bus } = ctx
  return {
    memory,
    seed: ctx.seed,
    clock: {
      now: () => {
        if (!state.frozen) advance(ctx)
        return ticksOf(ctx)
      },
      fileTime: () => epoch + BigInt(ticksOf(ctx)),
    },
    hypercallCode: HYPERCALL_CODE,
    timers: (fire) => timers(ctx, fire),
    interrupt: (_vp, vector) => raise(ctx, vector),
    connect: (partition) => traps.connect(partition),
    type(port, bytes) {
      emulator.within(ambient, () => {
        for (const value of bytes) bus.send(`serial${port}-input`, value)
      })
    },
    run: (until, budget) => emulator.within(ambient, () => run(ctx, until, budget)),
    get ended() {
      return state.ended
    },
    get interruptsOff() {
      return views.interruptsOff
    },
    get instructions() {
      return state.instructions
    },
    start: (entry, bootParams) => bootStub(memory, entry, bootParams),
    save: () => save(ctx),
    restore: (snapshot) => restore(ctx, snapshot),
  }
}

/** Starts v86 with the machine's own time and traps under it. */
function contextOf(options: MachineOptions, epoch: bigint): MachineContext {
  const { emulator, memoryMB = 128, instructionNs = 10, diagnose } = options
  const seed = seeded(options.seed ?? 1)
  const time: TimeContext = { state: initialState(), instructionNs, counter: () => views.counter() }
  const ambient = ambientOf(time, seed, epoch, diagnose)
  const traps = trapDispatcher(
    () => views,
    () => advance(time),
  )
  const imports = (env: WasmImports): void => {
    const read32 = env['io_port_read32'] as (port: number) => number
    env['io_port_read32'] = (port: number): number => traps.read32(port) ?? read32(port)
    env['get_rand_int'] = ambient.random
    const timersOf = env['run_hardware_timers'] as (acpi: number, at: number) => number
    env['run_hardware_timers'] = (acpi: number, at: number): number => {
      endSlice(ctx)
      const idleMs = timersOf(acpi, at)
      planSlice(ctx, idleMs)
      return idleMs
    }
  }
  const instance = emulator.create(v86Options(options, memoryMB), imports, ambient)
  const views = cpuViews(instance.cpu)
  views.setSlice(LONGEST_SLICE)
  time.state.frozen = false
  const ctx: MachineContext = {
    ...time,
    ...instance,
    emulator,
    ambient,
    memory: memoryOf(instance.cpu, options, memoryMB),
    memoryMB,
    views,
    traps,
    seed,
    jitter: { ...DEFAULT_JITTER, ...options.jitter },
    queues: [],
    diagnose,
  }
  connectPorts(ctx, options)
  return ctx
}

const MIB = 1024 * 1024

const v86Options = ({ jit }: MachineOptions, memoryMB: number): V86Options => ({
  memory_size: memoryMB * MIB,
  vga_memory_size: MIB,
  acpi: true,
  disable_jit: jit !== true,
  autostart: false,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
  net_device: { type: 'none' },
  uart1: true,
})

const memoryOf = (cpu: V86Cpu, { jit }: MachineOptions, memoryMB: number): GuestMemory =>
  guestMemory({
    source: cpu.wasm_memory,
    base: cpu.mem8.byteOffset,
    size: memoryMB * MIB,
    ...(jit === true && {
      wrote: (gpa, length) => void (length > 0 && cpu.jit_dirty_cache(gpa, gpa + length)),
    }),
  })

/** The serial ports' outputs, and the ports by which a guest powers off or resets. */
function connectPorts(ctx: MachineContext, options: MachineOptions): void {
  const { cpu, bus } = ctx
  bus.register('serial0-output-byte', (value) => options.serial?.(0, value), undefined)
  bus.register('serial1-output-byte', (value) => options.serial?.(1, value), undefined)
  cpu.io.register_write(PM1A_CONTROL, cpu.devices.acpi, undefined, (value) => {
    cpu.devices.acpi.status = value & ~SLEEP_ENABLE
    if ((value & SLEEP_ENABLE) !== 0) end(ctx, 'poweroff')
  })
  cpu.io.register_write(RESET_PORT, undefined, () => end(ctx, 'reboot'))
}
