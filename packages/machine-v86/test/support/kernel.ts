import { gzipSync } from 'node:zlib'

/** A 32-bit x86 ELF of one loadable segment: code, by default a HLT, at 16 MiB. */
export function kernelElf(code: readonly number[] = [0xf4]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(84 + code.length)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  view.setUint16(16, 2, true) // executable
  view.setUint16(18, 3, true) // 386
  view.setUint32(24, 0x100_0000, true) // entry
  view.setUint32(28, 52, true) // program headers
  view.setUint16(42, 32, true)
  view.setUint16(44, 1, true)
  view.setUint32(52, 1, true) // PT_LOAD
  view.setUint32(56, 84, true) // offset
  view.setUint32(60, 0xc100_0000, true) // virtual
  view.setUint32(64, 0x100_0000, true) // physical
  view.setUint32(68, code.length, true) // file size
  view.setUint32(72, Math.max(16, code.length), true) // memory size
  bytes.set(code, 84)
  return bytes
}

/** A bzImage of boot protocol 2.15 around a gzip payload. */
export function bzImage(elf: Uint8Array): Uint8Array {
  const payload = gzipSync(elf)
  const out = Buffer.alloc(512 * 5 + payload.length)
  out[0x1f1] = 4
  out.writeUInt16LE(0xaa55, 0x1fe)
  out[0x201] = 0x6a
  out.write('HdrS', 0x202, 'latin1')
  out.writeUInt16LE(0x020f, 0x206)
  out.writeUInt16LE(0x300, 0x20e)
  out.writeUInt32LE(0x37ff_ffff, 0x22c)
  out.writeUInt32LE(0, 0x248)
  out.writeUInt32LE(payload.length, 0x24c)
  out.write('6.1.0-test (me)\0', 0x500, 'latin1')
  payload.copy(out, 512 * 5)
  return new Uint8Array(out)
}
