import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { compileFunction } from 'node:vm'
import { MachineError } from '../errors.ts'
import type { Ambient, Emulator, EmulatorInstance } from './emulator-types.ts'
import { selfCheck } from './self-check.ts'
import type { V86Cpu } from './v86-types.ts'
import { patchWasm } from './wasm-patch.ts'
import { wasm as webAssembly, type WasmExports, type WasmImports } from './webassembly.ts'

/** SHA-256 of the files that the hooks were proven on: npm v86 0.5.462. */
const KNOWN = {
  wasm: new Set([
    // build/v86.wasm
    'aa0d0e149d6b60063b85de4871e78505637ce92821e14a9f9802c4008ba2336e',
  ]),
  script: new Set([
    // build/libv86.js
    '8715206b8c5ab0a206f6e8913c5f705a15547df51d3e0c032e3d00439303c94c',
  ]),
}

type V86Constructor = new (options: object) => {
  readonly v86?: { readonly cpu: V86Cpu } & EmulatorInstance['states']
  readonly bus: EmulatorInstance['bus']
}

/**
 * Names that libv86 takes from the global scope, given to it as parameters of its own scope instead: its clock, wall
 * clock, randomness, timers and console. Nothing global is replaced, so the process and other machines keep theirs.
 */
function sandbox(current: () => Ambient): Readonly<Record<string, unknown>> {
  const report = (...parts: unknown[]): void => current().log(parts.join(' '))
  class MachineDate extends Date {
    constructor(...parts: [] | [number]) {
      super(parts[0] ?? current().unixMs())
    }
    static override now(): number {
      return current().unixMs()
    }
  }
  return {
    performance: { now: () => current().now() },
    Date: MachineDate,
    crypto: { getRandomValues: (into: Int32Array) => into.map((_, i) => (into[i] = current().random())) },
    // v86's start-up defers itself by a timer of 0; the rest of its timers belong to devices that a machine has not.
    setTimeout: (work: () => void) => {
      work()
      return 0
    },
    requestAnimationFrame: () => 0,
    // Its own loop, which wakes at each input and is never started here: every wake would wait for the caller's next turn.
    global: { setImmediate: () => undefined },
    console: {
      log: report,
      warn: report,
      error: report,
      debug: report,
      trace: report,
      assert: (ok: unknown, ...parts: unknown[]) => void (ok || report('assertion failed', ...parts)),
    },
  }
}

/**
 * Loads the optional dependency v86, patches its wasm and checks both files against the known digests; takes some tenths of
 * a second, and one emulator makes any number of machines. Throws `VMBUS_V86_MISSING` when v86 is not installed,
 * `VMBUS_V86_UNSUPPORTED` for a build that was not proven, `VMBUS_V86_SELF_CHECK` when the hooks do not answer.
 */
export async function loadEmulator(): Promise<Emulator> {
  const folder = emulatorFolder()
  const [wasm, script] = await Promise.all([readFile(join(folder, 'v86.wasm')), readFile(join(folder, 'libv86.js'))])
  const digests = { wasm: sha256(wasm), script: sha256(script) }
  for (const part of ['wasm', 'script'] as const) {
    if (!KNOWN[part].has(digests[part])) {
      throw new MachineError(
        'VMBUS_V86_UNSUPPORTED',
        `this build of v86 is not one that the CPU hooks were proven on; install v86 0.5.462`,
        { part, sha256: digests[part] },
      )
    }
  }
  const patched = patchWasm(wasm)
  const module = await webAssembly.compile(patched)
  let ambient: Ambient | undefined
  const current = (): Ambient => {
    if (ambient === undefined) throw new MachineError('VMBUS_V86_UNSUPPORTED', 'v86 ran outside of a machine')
    return ambient
  }
  const scope = sandbox(current)
  const exported: { exports: { V86?: V86Constructor } } = { exports: {} }
  const evaluate = compileFunction(script.toString('utf8'), ['module', ...Object.keys(scope)], {
    filename: join(folder, 'libv86.js'),
  }) as (...values: unknown[]) => void
  evaluate(exported, ...Object.values(scope))
  const { V86 } = exported.exports
  if (V86 === undefined) throw new MachineError('VMBUS_V86_UNSUPPORTED', 'libv86.js exports no V86')

  const within = <T>(next: Ambient, work: () => T): T => {
    const before = ambient
    ambient = next
    try {
      return work()
    } finally {
      ambient = before
    }
  }
  const emulator: Emulator = {
    digests: { ...digests, patched: sha256(patched) },
    within,
    create: (options, imports, ambient) =>
      within(ambient, () => {
        const instance = new V86({
          ...options,
          wasm_fn: (env: { env: WasmImports }) => {
            imports(env.env)
            const exports = new webAssembly.Instance(module, env).exports
            // Not a promise, but what calls back at once: start-up then ends before the constructor returns.
            // oxlint-disable-next-line unicorn/no-thenable -- v86 calls `then` on what wasm_fn returns
            return { then: (done: (exports: WasmExports) => void) => done(exports) }
          },
        })
        if (instance.v86 === undefined)
          throw new MachineError('VMBUS_V86_UNSUPPORTED', 'v86 did not finish its start-up synchronously')
        return { cpu: instance.v86.cpu, bus: instance.bus, states: instance.v86 }
      }),
  }
  selfCheck(emulator)
  return emulator
}

function emulatorFolder(): string {
  try {
    const require = createRequire(import.meta.url)
    return dirname(require.resolve('v86'))
  } catch (cause) {
    throw new MachineError(
      'VMBUS_V86_MISSING',
      'real guests need the optional dependency v86: npm install v86@0.5.462',
      {},
      cause,
    )
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
