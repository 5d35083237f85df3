/** A relocatable 32-bit ELF with nothing but a .modinfo section of these strings. */
export function kernelModule(...strings: readonly string[]): Uint8Array {
  const modinfo = Buffer.from(strings.map((text) => `${text}\0`).join(''), 'latin1')
  const names = Buffer.from('\0.modinfo\0.shstrtab\0', 'latin1')
  const table = 52 + modinfo.length + names.length
  const out = Buffer.alloc(table + 3 * 40)
  out.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  out.writeUInt16LE(1, 16)
  out.writeUInt16LE(3, 18)
  out.writeUInt32LE(table, 32)
  out.writeUInt16LE(40, 46)
  out.writeUInt16LE(3, 48)
  out.writeUInt16LE(2, 50)
  modinfo.copy(out, 52)
  names.copy(out, 52 + modinfo.length)
  const section = (index: number, name: number, offset: number, length: number): void => {
    out.writeUInt32LE(name, table + 40 * index)
    out.writeUInt32LE(offset, table + 40 * index + 16)
    out.writeUInt32LE(length, table + 40 * index + 20)
  }
  section(1, 1, 52, modinfo.length)
  section(2, 10, 52 + modinfo.length, names.length)
  return new Uint8Array(out)
}
