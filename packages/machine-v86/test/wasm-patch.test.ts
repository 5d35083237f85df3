import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HOOK_BASE, HOOK_FAULT, HookKind, SLICE_WORD, patchWasm } from '../src/emulator/wasm-patch.ts'
import { wasm } from '../src/emulator/webassembly.ts'
import { MachineError } from '../src/index.ts'
import { codeOf } from './support/errors.ts'

const v86 = new Uint8Array(readFileSync(join(dirname(createRequire(import.meta.url).resolve('v86')), 'v86.wasm')))

interface Shape {
  readonly importName?: string
  readonly exports?: readonly (readonly [name: string, index: number])[]
  readonly loopConstants?: number
  readonly wrmsr?: readonly number[]
}

const str = (text: string): number[] => [text.length, ...Buffer.from(text)]
const section = (id: number, body: readonly number[]): number[] => [id, ...leb(body.length), ...body]
const leb = (value: number): number[] => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, value >> 7])
const body = (code: readonly number[]): number[] => [...leb(code.length + 2), 0, ...code, 0x0b]

/**
 * A module in the likeness of v86: import 0 io_port_read32, then functions 1 #GP (marks word 4), 2 CPUID, 3 WRMSR,
 * 4 RDMSR (each with the CPL test's call and a mark in word 8), 5 main_loop (returns its slice length less
 * the limit of the interpreter's blocks), and a memory.
 */
function likeness(shape: Shape = {}): Uint8Array<ArrayBuffer> {
  const store = (address: number, value: number): number[] => [0x41, address, 0x41, value, 0x36, 2, 0]
  const fault = [0x20, 0, 0x1a, ...store(4, 1)]
  const original = (mark: number): number[] => [...store(8, mark)]
  const msr = (mark: number): number[] => [0x41, 0, 0x04, 0x40, 0x41, 0, 0x10, 1, 0x0b, ...original(mark)]
  const constant = [0x41, 0xa3, 0x8d, 0x06]
  const limit = [0x41, 0xa1, 0x8d, 0x06]
  const loops = shape.loopConstants ?? 1
  const loop =
    loops === 0
      ? [0x41, 0]
      : [...constant, ...limit, 0x6b, ...Array.from({ length: loops - 1 }, () => [...constant, 0x1a]).flat()]
  const names = shape.exports ?? [
    ['instr_0FA2', 2],
    ['instr_0F30', 3],
    ['instr_0F32', 4],
    ['main_loop', 5],
  ]
  return Uint8Array.from([
    0x00,
    0x61,
    0x73,
    0x6d,
    0x01,
    0x00,
    0x00,
    0x00,
    // types: (i32)->i32, ()->(), (i32)->(), ()->i32
    ...section(1, [4, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 0, 0, 0x60, 1, 0x7f, 0, 0x60, 0, 1, 0x7f]),
    ...section(2, [1, ...str('env'), ...str(shape.importName ?? 'io_port_read32'), 0, 0]),
    ...section(3, [5, 2, 1, 1, 1, 3]),
    ...section(5, [1, 0, 1]),
    ...section(7, [
      names.length + 1,
      ...str('memory'),
      2,
      0,
      ...names.flatMap(([name, index]) => [...str(name), 0, index]),
    ]),
    ...section(10, [
      5,
      ...body(fault),
      ...body(original(2)),
      ...body(shape.wrmsr ?? msr(3)),
      ...body(msr(4)),
      ...body(loop),
    ]),
  ])
}

type Functions = Readonly<Record<'instr_0FA2' | 'instr_0F30' | 'instr_0F32', () => void>> & {
  main_loop(): number
  memory: { buffer: ArrayBuffer }
}

async function instantiate(bytes: Uint8Array<ArrayBuffer>, hook: (question: number) => number): Promise<Functions> {
  return new wasm.Instance(await wasm.compile(bytes), { env: { io_port_read32: hook } }).exports as unknown as Functions
}

describe('patchWasm', () => {
  it('asks the host first: run the original, skip it, or fault', async () => {
    for (const [answer, faults, words] of [
      [0, 0, [0, 4]],
      [1, 0, [0, 0]],
      [1, 1, [1, 0]],
    ] as const) {
      const asked: number[] = []
      const machine = await instantiate(patchWasm(likeness()), (question) => {
        asked.push(question)
        return question === HOOK_FAULT ? faults : answer
      })
      machine.instr_0F32()
      expect(asked).toEqual(answer === 0 ? [HOOK_BASE + HookKind.rdmsr] : [HOOK_BASE + HookKind.rdmsr, HOOK_FAULT])
      expect([...new Int32Array(machine.memory.buffer, 4, 2)]).toEqual(words)
    }
  })

  it('gives each instruction its own question', async () => {
    const asked: number[] = []
    const machine = await instantiate(patchWasm(likeness()), (question) => (asked.push(question), 0))
    machine.instr_0FA2()
    machine.instr_0F30()
    expect(asked).toEqual([HOOK_BASE, HOOK_BASE + 1])
    expect(new Int32Array(machine.memory.buffer)[2]).toBe(3)
  })

  it('takes the slice length from memory, and shortens the blocks', async () => {
    const machine = await instantiate(patchWasm(likeness()), () => 0)
    new Int32Array(machine.memory.buffer)[SLICE_WORD >> 2] = 4711
    expect(machine.main_loop()).toBe(4711 - 500)
  })

  it('patches the installed v86 into a valid module that is some bytes longer', () => {
    const patched = patchWasm(v86)
    expect(wasm.validate(patched)).toBe(true)
    expect(patched.length - v86.length).toBeLessThan(100)
  })

  it('refuses a module that it does not fit', async () => {
    const refused = (shape: Shape): Promise<string> => codeOf(() => patchWasm(likeness(shape)))
    expect(await refused({ importName: 'io_port_read16' })).toBe('VMBUS_V86_UNSUPPORTED')
    expect(
      await refused({
        exports: [
          ['instr_0FA2', 2],
          ['instr_0F30', 3],
          ['main_loop', 5],
        ],
      }),
    ).toBe('VMBUS_V86_UNSUPPORTED')
    expect(
      await refused({
        exports: [
          ['instr_0FA2', 2],
          ['instr_0F30', 3],
          ['instr_0F32', 4],
          ['instr_0F33', 4],
          ['main_loop', 5],
        ],
      }),
    ).toBe('VMBUS_V86_UNSUPPORTED')
    expect(
      await refused({
        exports: [
          ['instr_0FA2', 0],
          ['instr_0F30', 3],
          ['instr_0F32', 4],
          ['main_loop', 5],
        ],
      }),
    ).toBe('VMBUS_V86_UNSUPPORTED')
    expect(await refused({ loopConstants: 0 })).toBe('VMBUS_V86_UNSUPPORTED')
    expect(await refused({ loopConstants: 2 })).toBe('VMBUS_V86_UNSUPPORTED')
    expect(await refused({ wrmsr: [0x01] })).toBe('VMBUS_V86_UNSUPPORTED')
    expect(await codeOf(() => patchWasm(Uint8Array.of(1, 2, 3)))).toBe('VMBUS_V86_UNSUPPORTED')
  })

  it('answers a cut or damaged module with an error or a module, and never hangs', () => {
    const whole = likeness()
    fc.assert(
      fc.property(
        fc.nat(whole.length),
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 }),
        (length, changes) => {
          const bad = whole.slice()
          for (const [at, value] of changes) bad[at] = value
          try {
            patchWasm(bad.subarray(0, length))
          } catch (error) {
            expect(error).toBeInstanceOf(MachineError)
          }
        },
      ),
      { seed: 5, numRuns: 2000 },
    )
  })
})
