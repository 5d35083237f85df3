/** One ustar entry: a 512-byte header with its checksum, and padded contents. */
export function tarEntry(
  path: string,
  contents: Uint8Array | string,
  { type = '0', mode = '0000644', target = '' } = {},
): Uint8Array {
  const bytes = typeof contents === 'string' ? Buffer.from(contents) : contents
  const header = Buffer.alloc(512)
  header.write(path, 0, 'latin1')
  header.write(`${mode}\0`, 100, 'latin1')
  header.write('0000000\0', 108, 'latin1')
  header.write('0000000\0', 116, 'latin1')
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124, 'latin1')
  header.write('00000000000\0', 136, 'latin1')
  header.write('        ', 148, 'latin1')
  header.write(type, 156, 'latin1')
  header.write(target, 157, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  const sum = header.reduce((total, value) => total + value, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

export function tar(...entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...entries, Buffer.alloc(1024)])
}

export function ar(...members: readonly (readonly [name: string, bytes: Uint8Array])[]): Uint8Array {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    ...members.flatMap(([name, bytes]) => [
      Buffer.from(
        `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`,
      ),
      bytes,
      Buffer.alloc(bytes.length % 2, '\n'),
    ]),
  ])
}
