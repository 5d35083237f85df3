import { toNumber, type Register } from './register.ts'
import type { CrashReport, GuestMemory } from './types.ts'

/** CRASH_CTL bits 63 and 62, in the high word (TLFS "Guest Crash Enlightenment"; Linux HV_CRASH_CTL_CRASH_NOTIFY*). */
export const CRASH_NOTIFY = 0x8000_0000
export const CRASH_MESSAGE = 0x4000_0000

/** A guest's text is at most one page. */
const MAX_TEXT = 4096

/** What the guest reports: its five parameters, and with bit 62 the text at GPA P3 of P4 bytes. */
export function crashReport(memory: GuestMemory, parameters: readonly Register[], controlHigh: number): CrashReport {
  const values = parameters.map((p) => (BigInt(p.high) << 32n) | BigInt(p.low))
  if ((controlHigh & CRASH_MESSAGE) === 0) return { parameters: values }
  const [, , , address, length] = parameters
  const message =
    address === undefined || length === undefined ? undefined : text(memory, toNumber(address), toNumber(length))
  return message === undefined ? { parameters: values } : { parameters: values, message }
}

/** One character a byte up to the first NUL; undefined when the guest points outside its RAM. */
function text(memory: GuestMemory, gpa: number, length: number): string | undefined {
  const bounded = Math.min(length, MAX_TEXT)
  if (gpa + bounded > memory.size) return undefined
  const copy = memory.bytes.slice(gpa, gpa + bounded)
  let out = ''
  for (const byte of copy) {
    if (byte === 0) break
    out += String.fromCharCode(byte)
  }
  return out
}
