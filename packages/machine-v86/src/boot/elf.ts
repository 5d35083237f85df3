/** A loadable piece: `bytes` to physical `address`, zeros up to `memoryLength`. */
export interface ElfSegment {
  readonly address: number
  readonly bytes: Uint8Array
  readonly memoryLength: number
}

const PT_LOAD = 1
const EM_386 = 3
const HEADER = 52
const PROGRAM_HEADER = 32

/** Loadable segments of a 32-bit little-endian x86 ELF (System V ABI, ELF header and program header); else undefined. */
export function parseElf32(bytes: Uint8Array): { entry: number; segments: ElfSegment[] } | undefined {
  if (bytes.length < HEADER) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const isElf32 = view.getUint32(0, false) === 0x7f45_4c46 && view.getUint8(4) === 1 && view.getUint8(5) === 1
  if (!isElf32 || view.getUint16(18, true) !== EM_386) return undefined
  const table = view.getUint32(28, true)
  const stride = view.getUint16(42, true)
  const count = view.getUint16(44, true)
  if (stride < PROGRAM_HEADER || table + stride * count > bytes.length) return undefined
  const segments: ElfSegment[] = []
  for (let i = 0; i < count; i++) {
    const at = table + i * stride
    if (view.getUint32(at, true) !== PT_LOAD) continue
    const offset = view.getUint32(at + 4, true)
    const fileLength = view.getUint32(at + 16, true)
    const memoryLength = view.getUint32(at + 20, true)
    if (offset + fileLength > bytes.length || fileLength > memoryLength) return undefined
    segments.push({
      address: view.getUint32(at + 12, true),
      bytes: bytes.subarray(offset, offset + fileLength),
      memoryLength,
    })
  }
  return { entry: view.getUint32(24, true), segments }
}
