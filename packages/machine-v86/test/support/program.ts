const ENTRY = 0x20_0000

/** A little-endian 32-bit word, for hand-assembled code. */
export const le = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]

/** Code to be entered in 32-bit mode, with a stack of its own. */
export function program(code: readonly number[]): { bytes: Uint8Array; entry: number } {
  return { bytes: Uint8Array.from([0xbc, ...le(ENTRY), ...code]), entry: ENTRY }
}
