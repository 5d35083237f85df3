/** A 64-bit register as two unsigned words: the form in which a processor's EDX:EAX carries it. */
export interface Register {
  low: number
  high: number
}

const TWO_32 = 0x1_0000_0000

export function register(low = 0, high = 0): Register {
  return { low, high }
}

/** Bit 0 of every enabling register of the interface. */
export const ENABLE = 1

export function isEnabled(r: Register): boolean {
  return (r.low & ENABLE) !== 0
}

/** Guest physical address in bits 63:12 of a register that names a page; not exact above 2^53, where no RAM is. */
export function pageAddress(low: number, high: number): number {
  return high * TWO_32 + ((low & 0xffff_f000) >>> 0)
}

/** Guest physical address of a register's page when it is enabled and inside `size` bytes of RAM, else -1. */
export function enabledPage(r: Register, size: number): number {
  if ((r.low & ENABLE) === 0) return -1
  const gpa = pageAddress(r.low, r.high)
  return gpa + 4096 <= size ? gpa : -1
}

/** The register's value as a number: exact below 2^53, which is all that a time in 100 ns units needs. */
export function toNumber(r: Register): number {
  return r.high * TWO_32 + r.low
}

export function assign(r: Register, low: number, high: number): void {
  r.low = low >>> 0
  r.high = high >>> 0
}

export function emit(out: Uint32Array, r: Register): void {
  out[0] = r.low
  out[1] = r.high
}

/** Writes a non-negative safe integer as a 64-bit register. */
export function emitNumber(out: Uint32Array, value: number): void {
  out[0] = value >>> 0
  out[1] = Math.floor(value / TWO_32)
}
