import { MachineError } from '../errors.ts'
import { readAr } from './ar.ts'
import { decompress } from './decompress.ts'
import { readTar, type TarEntry } from './tar.ts'

/** The files that a Debian binary package installs (deb(5): an ar of debian-binary, control.tar.*, data.tar.*). */
export async function readDeb(bytes: Uint8Array, what: string): Promise<TarEntry[]> {
  const data = readAr(bytes, what).find(({ name }) => name.startsWith('data.tar'))
  if (data === undefined)
    throw new MachineError('VMBUS_IMAGE_FORMAT', `${what} has no data.tar: not a Debian package`, { what })
  return [...readTar(await decompress(data.bytes, { what: `${what}: ${data.name}` }))]
}
