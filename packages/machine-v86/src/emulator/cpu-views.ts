import type { V86Cpu } from './v86-types.ts'
import { SLICE_WORD } from './wasm-patch.ts'

/** Offsets in v86's wasm memory (v86 src/rust/cpu/global_pointers.rs); the self-check proves the register ones. */
const REGISTERS = 64
const FLAGS = 120
const INSTRUCTION_POINTER = 556
const CPL = 612
const IN_HLT = 616
const INSTRUCTION_COUNTER = 664

/** Words of v86's APIC state (src/rust/cpu/apic.rs): interrupt request and trigger mode registers. */
const IRR_WORD = 16
const TMR_WORD = 32

const INTERRUPT_FLAG = 1 << 9

/** Views of the processor's state, renewed when wasm memory has grown. */
export interface CpuViews {
  readonly cplOffset: number
  /** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI; and wasm memory from address 0. */
  renew(): { readonly registers: Int32Array; readonly bytes: Uint8Array }
  /** Instructions executed, modulo 2^32. */
  counter(): number
  /** How many instructions v86 runs before it looks at timers and interrupts. */
  setSlice(instructions: number): void
  /** Adds to the counter as v86 compares it; returns the new value. */
  bumpCounter(by: number): number
  /** Is the running code in the page at this physical address? */
  executingPage(gpa: number): boolean
  /** Sets a request bit of the local APIC, edge triggered. */
  raise(apic: number, vector: number): void
  readonly halted: boolean
  readonly interruptsOff: boolean
  /** Halted with interrupts off: nothing can wake the processor (a triple fault ends so). */
  readonly dead: boolean
}

export function cpuViews(cpu: V86Cpu): CpuViews {
  const { wasm_memory: memory } = cpu
  let cached = make()

  function make() {
    const buffer = memory.buffer as ArrayBuffer
    return {
      processor: { registers: new Int32Array(buffer, REGISTERS, 8), bytes: new Uint8Array(buffer) },
      words: new Uint32Array(buffer),
    }
  }
  const current = () => {
    // Growth leaves them empty; asking a WebAssembly.Memory for its buffer costs 15 to 24 ns.
    if (cached.words.length === 0) cached = make()
    return cached
  }
  const word = (offset: number): number => current().words[offset >> 2] ?? 0

  return {
    cplOffset: CPL,
    renew: () => current().processor,
    counter: () => word(INSTRUCTION_COUNTER),
    setSlice(instructions) {
      current().words[SLICE_WORD >> 2] = instructions
    },
    bumpCounter(by) {
      const { words } = current()
      const next = (word(INSTRUCTION_COUNTER) + by) >>> 0
      words[INSTRUCTION_COUNTER >> 2] = next
      return next
    },
    executingPage(gpa) {
      const physical = cpu.translate_address_system_read(word(INSTRUCTION_POINTER) | 0) >>> 0
      return physical - (physical % 4096) === gpa
    },
    raise(apic, vector) {
      const { words } = current()
      const bit = (1 << (vector & 31)) >>> 0
      const irr = (apic >> 2) + IRR_WORD + (vector >> 5)
      const tmr = (apic >> 2) + TMR_WORD + (vector >> 5)
      words[irr] = (words[irr] ?? 0) | bit
      words[tmr] = (words[tmr] ?? 0) & ~bit
    },
    get halted() {
      return current().processor.bytes[IN_HLT] !== 0
    },
    get interruptsOff() {
      return (word(FLAGS) & INTERRUPT_FLAG) === 0
    },
    get dead() {
      return this.halted && this.interruptsOff
    },
  }
}
