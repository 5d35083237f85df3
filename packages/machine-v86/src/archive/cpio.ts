export interface CpioEntry {
  /** Without a leading slash. */
  readonly path: string
  /** Type and permission bits as stat(2) has them. */
  readonly mode: number
  readonly bytes: Uint8Array
  /** Character or block device numbers. */
  readonly device?: { readonly major: number; readonly minor: number }
}

/** File types of st_mode (inode(7)). */
export const FileType = { regular: 0o100_000, directory: 0o040_000, symlink: 0o120_000, character: 0o020_000 } as const

const encoder = new TextEncoder()
const hex8 = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0')
const padded = (length: number): number => (length + 3) & ~3

/**
 * A "newc" cpio archive (Linux Documentation/driver-api/early-userspace/buffer-format.rst): 110-byte headers of hex
 * text, names and data padded to 4 bytes, ended by TRAILER!!!. Inodes count from 1, owners and times are 0, so equal
 * entries give equal bytes.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const all: CpioEntry[] = [...entries, { path: 'TRAILER!!!', mode: 0, bytes: new Uint8Array(0) }]
  const parts = all.map((entry, index) => {
    const name = encoder.encode(`${entry.path}\0`)
    const fields = [
      entry.mode === 0 ? 0 : index + 1,
      entry.mode,
      0, // uid
      0, // gid
      1, // links
      0, // modification time
      entry.bytes.length,
      0, // device of the file system
      0,
      entry.device?.major ?? 0,
      entry.device?.minor ?? 0,
      name.length,
      0, // checksum, unused in newc
    ]
    return { header: encoder.encode(`070701${fields.map(hex8).join('')}`), name, bytes: entry.bytes }
  })
  const length = parts.reduce(
    (sum, part) => sum + padded(part.header.length + part.name.length) + padded(part.bytes.length),
    0,
  )
  const out = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    out.set(part.header, at)
    out.set(part.name, at + part.header.length)
    at += padded(part.header.length + part.name.length)
    out.set(part.bytes, at)
    at += padded(part.bytes.length)
  }
  return out
}
