import type { V86Cpu, V86Options } from './v86-types.ts'
import type { WasmImports } from './webassembly.ts'

/** What v86 sees instead of the process's clock, chance and timers while one machine runs. */
export interface Ambient {
  /** Milliseconds since the machine's start, never the same twice (v86's performance.now). */
  now(): number
  /** The machine's wall clock, Unix milliseconds (v86's Date.now). */
  unixMs(): number
  /** A 32-bit random number. */
  random(): number
  /** What v86 would print. */
  log(text: string): void
}

export interface EmulatorInstance {
  readonly cpu: V86Cpu
  readonly states: { save_state(): ArrayBuffer; restore_state(state: ArrayBuffer): void }
  readonly bus: {
    register(name: string, fn: (value: number) => void, receiver: unknown): void
    send(name: string, value: number): void
  }
}

/** v86 loaded, its wasm patched and compiled; makes machines, any number in a thread. */
export interface Emulator {
  /** SHA-256 of v86.wasm, libv86.js and the patched wasm: part of a snapshot's and a replay's identity. */
  readonly digests: { readonly wasm: string; readonly script: string; readonly patched: string }
  /** Synchronous: v86's asynchronous start-up needs no waiting when its timer and wasm are ours. */
  create(options: V86Options, imports: (env: WasmImports) => void, ambient: Ambient): EmulatorInstance
  /** Runs `work` with v86's clock, chance and console bound to `ambient`. */
  within<T>(ambient: Ambient, work: () => T): T
}
