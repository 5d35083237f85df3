import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  createMachine,
  loadEmulator,
  type Emulator,
  type Machine,
  type MachineOptions,
  type ProcessorTraps,
} from '../src/index.ts'
import { codeOf } from './support/errors.ts'
import { le, program } from './support/program.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await loadEmulator()
})

const OUT = 0x30_0000
const SECOND = 10_000_000
const noTraps: ProcessorTraps = { cpuid: () => false, rdmsr: () => false, wrmsr: () => false, hypercall: () => 0 }

function load(
  code: readonly number[],
  options: Partial<MachineOptions> = {},
  traps?: Partial<ProcessorTraps>,
): Machine {
  const machine = createMachine({ emulator, memoryMB: 32, ...options })
  if (traps !== undefined) machine.connect({ ...noTraps, ...traps })
  const { bytes, entry } = program(code)
  machine.memory.bytes.set(bytes, entry)
  machine.start(entry, 0)
  return machine
}
const word = (machine: Machine, index: number): number => machine.memory.view.getUint32(OUT + 4 * index, true)

/** mov [OUT+4n], eax */
const store = (n: number): number[] => [0xa3, ...le(OUT + 4 * n)]
const mark = (n: number, value: number): number[] => [0xc7, 0x05, ...le(OUT + 4 * n), ...le(value)]
const halt = [0xfa, 0xf4]

describe('createMachine', () => {
  it('gives CPUID, MSRs and the hypercall page to its partition', () => {
    const calls: unknown[] = []
    const page = 0x40_0000
    const machine = load(
      [
        0xb9,
        ...le(0x4000_0001),
        0xb8,
        ...le(page | 1),
        0x31,
        0xd2,
        0x0f,
        0x30, // wrmsr HYPERCALL
        0xb8,
        ...le(0x0001_005d),
        0xba,
        ...le(7),
        0xb9,
        ...le(1),
        0xbb,
        ...le(2),
        0xbe,
        ...le(3),
        0xbf,
        ...le(4),
        0xff,
        0x15,
        ...le(OUT + 0x100), // call [OUT+0x100]
        ...store(0),
        0x89,
        0x15,
        ...le(OUT + 4), // mov [OUT+4], edx
        0xb9,
        ...le(0x4000_0020),
        0x0f,
        0x32,
        ...store(2),
        ...halt,
      ],
      {},
      {
        wrmsr: (...all) => calls.push(all) > 0,
        rdmsr: (_vp, msr, out) => ((out[0] = msr === 0x4000_0020 ? 0xabcd : 0), true),
        hypercall: (...all) => (calls.push(all), 0x0005_0000_0012),
      },
    )
    machine.memory.bytes.set(machine.hypercallCode, page)
    machine.memory.view.setUint32(OUT + 0x100, page, true)
    expect(machine.run(SECOND, 100)).toBe('dead')
    expect(calls).toEqual([
      [0, 0x4000_0001, page | 1, 0],
      [0, 0x0001_005d, 7, 1, 2, 3, 4],
    ])
    expect([word(machine, 0), word(machine, 1), word(machine, 2)]).toEqual([0x12, 5, 0xabcd])
  })

  it('takes the port for a port outside of the hypercall page', () => {
    let calls = 0
    const machine = load([0xb8, ...le(0x5c), 0xe5, 0xe6, ...store(0), ...halt], {}, { hypercall: () => ++calls })
    machine.run(SECOND, 100)
    expect([calls, word(machine, 0)]).toEqual([0, 0xffff_ffff])
  })

  it('raises #GP for an MSR that the partition refuses, at the instruction itself', () => {
    const handler = [0x58, 0x58, ...store(0), ...mark(1, 1), ...halt] // pop error code, pop EIP
    const machine = load([...idt(13, handler), 0xb9, ...le(0x4000_00f0), 0x0f, 0x32, ...mark(2, 1), ...halt], {}, {})
    expect(machine.run(SECOND, 100)).toBe('dead')
    expect([word(machine, 1), word(machine, 2)]).toEqual([1, 0])
    const at = word(machine, 0)
    expect([...machine.memory.bytes.subarray(at, at + 2)]).toEqual([0x0f, 0x32])
  })

  it('raises #GP for synthetic MSRs when there is no partition', () => {
    const handler = [...mark(1, 1), ...halt]
    const machine = load([...idt(13, handler), 0xb9, ...le(0x4000_0000), 0x0f, 0x30, ...mark(2, 1), ...halt])
    machine.run(SECOND, 100)
    expect([word(machine, 1), word(machine, 2)]).toEqual([1, 0])
  })

  it('delivers an interrupt through the local APIC, after the delay that the seed gives', () => {
    const VECTOR = 0xf3
    const handler = [0xff, 0x05, ...le(OUT), 0x31, 0xc0, 0xa3, ...le(0xfee0_00b0), 0xcf] // inc [OUT]; EOI; iret
    const enableApic = [0xb8, ...le(0x1ff), 0xa3, ...le(0xfee0_00f0)]
    const machine = load([...idt(VECTOR, handler), ...enableApic, 0xfb, 0xf4, 0xeb, 0xfd]) // sti; hlt; jmp to hlt
    machine.run(100, 1000)
    expect(word(machine, 0)).toBe(0)
    machine.interrupt(0, VECTOR)
    const before = machine.clock.now()
    machine.run(before + 500 + 1, 1000)
    expect(word(machine, 0)).toBe(1)
    machine.interrupt(0, VECTOR)
    machine.run(SECOND, 1000)
    expect(word(machine, 0)).toBe(2)
  })

  it('skips idle time to the next timer and fires it on time', () => {
    const machine = load([0xfb, 0xf4, 0xeb, 0xfd])
    const fired: [string, number][] = []
    const timers = machine.timers((name) => fired.push([name, machine.clock.now()]))
    timers.set('b', 3 * SECOND)
    timers.set('a', SECOND)
    timers.set('gone', 2 * SECOND)
    timers.clear('gone')
    machine.run(5 * SECOND, 100_000)
    expect(fired).toEqual([
      ['a', SECOND],
      ['b', 3 * SECOND],
    ])
    expect(machine.clock.now()).toBe(5 * SECOND)
    expect(machine.instructions).toBeLessThan(1_000_000)
  })

  it('fires a timer within a busy guest to the microsecond', () => {
    const machine = load([0xeb, 0xfe]) // jmp to itself
    const fired: number[] = []
    const timers = machine.timers(() => fired.push(machine.clock.now()))
    machine.run(100_000, 1000)
    const at = machine.clock.now() + 12_345
    timers.set('t', at)
    machine.run(at + 50_000, 1000)
    expect((fired[0] ?? 0) - at).toBeGreaterThanOrEqual(0)
    expect((fired[0] ?? 0) - at).toBeLessThan(100)
  })

  it('ends at the ACPI sleep and reset registers, and at a triple fault', () => {
    const out16 = (port: number, value: number): number[] => [0xba, ...le(port), 0xb8, ...le(value), 0x66, 0xef]
    const out8 = (port: number, value: number): number[] => [0xba, ...le(port), 0xb0, value, 0xee]
    expect(load([...out16(0xb004, 0x2001), ...halt]).run(SECOND, 100)).toBe('poweroff')
    expect(load([...out8(0xcf9, 6), ...halt]).run(SECOND, 100)).toBe('reboot')
    expect(load([...mark(0, 1), 0x0f, 0x01, 0x1d, ...le(OUT), 0xcc]).run(SECOND, 100)).toBe('triple-fault') // lidt of nothing; int3
  })

  it('repeats from its seed, and differs with another', () => {
    const random = [0x0f, 0xc7, 0xf0, ...store(0), 0x0f, 0x31, ...store(1), ...halt] // rdrand eax; rdtsc
    const words = (seed: number): string => {
      const machine = load(random, { seed })
      machine.run(SECOND, 100)
      return createHash('sha256').update(machine.memory.bytes).digest('hex')
    }
    expect(words(1)).toBe(words(1))
    expect(words(1)).not.toBe(words(2))
  })

  it('goes on from a snapshot with the very same bytes', () => {
    // Counts, and stores the time stamp, for ever; the timer interrupts of the machine are off.
    const loop = [0xff, 0x05, ...le(OUT), 0x0f, 0x31, ...store(1), 0xd9, 0xe8, 0xd9, 0x1d, ...le(OUT + 8), 0xeb, 0xe9]
    const first = load(loop, { seed: 9 })
    first.run(30_000, 1000)
    const snapshot = first.save()
    const second = createMachine({ emulator, memoryMB: 32, seed: 9 })
    second.restore(snapshot)
    const digest = (machine: Machine): string => createHash('sha256').update(machine.memory.bytes).digest('hex')
    expect(digest(second)).toBe(digest(first))
    first.run(90_000, 1000)
    second.run(90_000, 1000)
    expect([digest(second), second.instructions, second.clock.now()]).toEqual([
      digest(first),
      first.instructions,
      first.clock.now(),
    ])
    expect(word(second, 0)).toBeGreaterThan(1000)
  })

  it('leaves the process its clock and its chance', () => {
    const before = [Date, performance.now, globalThis.setTimeout, Math.random]
    load(halt).run(SECOND, 10)
    expect([Date, performance.now, globalThis.setTimeout, Math.random]).toEqual(before)
    expect(Math.abs(Date.now() - new Date().getTime())).toBeLessThan(1000)
  })

  it('refuses a size that it cannot have', async () => {
    for (const memoryMB of [0, 31, 33.5, 2048, NaN])
      expect(await codeOf(() => createMachine({ emulator, memoryMB }))).toBe('VMBUS_OPTIONS_INVALID')
  })
})

/** Code that makes a descriptor table with one gate, at OUT+0x1000, to `handler`, which it carries along. */
function idt(vector: number, handler: readonly number[]): number[] {
  const table = OUT + 0x1000
  const gate = table + 8 * vector
  const pointer = OUT + 0x800
  return [
    0xe8,
    ...le(handler.length), // call over the handler: its address is on the stack
    ...handler,
    0x58, // pop eax
    0x66,
    0xa3,
    ...le(gate), // mov [gate], ax
    0xc1,
    0xe8,
    0x10, // shr eax, 16
    0x66,
    0xa3,
    ...le(gate + 6),
    0xc7,
    0x05,
    ...le(gate + 2),
    ...le(0x8e00_0010), // selector 0x10, present 32-bit interrupt gate
    0x66,
    0xa3,
    ...le(gate + 6),
    0x66,
    0xc7,
    0x05,
    ...le(pointer),
    0xff,
    0x07, // limit
    0xc7,
    0x05,
    ...le(pointer + 2),
    ...le(table), // base
    0x0f,
    0x01,
    0x1d,
    ...le(pointer), // lidt
  ]
}
