import { MachineError } from '../errors.ts'
import type { Emulator } from './emulator-types.ts'
import { createMachine } from './machine.ts'

const CODE = 0x20_0000
const RESULTS = 0x21_0000
const PROBE_LEAF = 0x4000_0000
const PROBE_MSR = 0x4000_0002
const WRITTEN_MSR = 0x4000_0000
const DONE = 0x600d_600d

const le = (value: number): number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]

/** CPUID, RDMSR, WRMSR and the hypercall port, each with its outcome stored; then a halt that nothing wakes. */
const PROGRAM = Uint8Array.from(
  [
    [0xb8, ...le(PROBE_LEAF)], // mov eax, PROBE_LEAF
    [0x0f, 0xa2], // cpuid
    [0xa3, ...le(RESULTS)], // mov [RESULTS], eax
    [0x89, 0x1d, ...le(RESULTS + 4)], // mov [RESULTS+4], ebx
    [0x89, 0x0d, ...le(RESULTS + 8)], // mov [RESULTS+8], ecx
    [0x89, 0x15, ...le(RESULTS + 12)], // mov [RESULTS+12], edx
    [0xb9, ...le(PROBE_MSR)], // mov ecx, PROBE_MSR
    [0x0f, 0x32], // rdmsr
    [0xa3, ...le(RESULTS + 16)], // mov [RESULTS+16], eax
    [0x89, 0x15, ...le(RESULTS + 20)], // mov [RESULTS+20], edx
    [0xb8, ...le(0x1111_1111)], // mov eax
    [0xba, ...le(0x2222_2222)], // mov edx
    [0xb9, ...le(WRITTEN_MSR)], // mov ecx, WRITTEN_MSR
    [0x0f, 0x30], // wrmsr
    [0xc7, 0x05, ...le(RESULTS + 24), ...le(DONE)], // mov dword [RESULTS+24], DONE
    [0xfa, 0xf4], // cli; hlt
  ].flat(),
)

/**
 * Runs a few instructions whose answers only the hooks can give. Throws VMBUS_V86_SELF_CHECK when an answer did not
 * come through: a guest would then quietly run without its hypervisor.
 */
export function selfCheck(emulator: Emulator): void {
  const machine = createMachine({ emulator, memoryMB: 32 })
  const written: number[] = []
  machine.connect({
    cpuid(_vp, leaf, _subleaf, out) {
      if (leaf !== PROBE_LEAF) return false
      Object.assign(out, { eax: 1, ebx: 2, ecx: 3, edx: 4 })
      return true
    },
    rdmsr(_vp, msr, out) {
      out[0] = 5
      out[1] = 6
      return msr === PROBE_MSR
    },
    wrmsr(_vp, ...values) {
      written.push(...values)
      return true
    },
    hypercall: () => 0,
  })
  machine.memory.bytes.set(PROGRAM, CODE)
  machine.start(CODE, 0)
  const end = machine.run(1_000_000, 100)
  const { view } = machine.memory
  const seen = [0, 4, 8, 12, 16, 20, 24].map((offset) => view.getUint32(RESULTS + offset, true))
  const expected = [1, 2, 3, 4, 5, 6, DONE]
  const expectedWrite = [WRITTEN_MSR, 0x1111_1111, 0x2222_2222]
  if (end !== 'dead' || String(seen) !== String(expected) || String(written) !== String(expectedWrite)) {
    throw new MachineError('VMBUS_V86_SELF_CHECK', 'CPUID or MSR instructions did not reach the hooks', {
      end,
      seen: String(seen),
      written: String(written),
    })
  }
}
