import { MachineError } from '../errors.ts'

export interface ArMember {
  readonly name: string
  readonly bytes: Uint8Array
}

const HEADER = 60
const truncated = (message: string): MachineError => new MachineError('VMBUS_IMAGE_TRUNCATED', message)

/** Members of a common `ar` archive, as `.deb` files use it (deb(5)): 60-byte text headers, data padded to even. */
export function readAr(bytes: Uint8Array, what: string): ArMember[] {
  if (text(bytes, 0, 8) !== '!<arch>\n')
    throw new MachineError('VMBUS_IMAGE_FORMAT', `${what} is no Debian package: it does not begin with !<arch>`)
  const members: ArMember[] = []
  let at = 8
  while (at < bytes.length) {
    if (at + HEADER > bytes.length) throw truncated(`${what}: an ar header is cut off`)
    if (text(bytes, at + 58, 2) !== '`\n')
      throw new MachineError('VMBUS_IMAGE_FORMAT', `${what}: no ar header at byte ${at}`)
    const name = text(bytes, at, 16).trimEnd().replace(/\/$/, '')
    const sizeText = text(bytes, at + 48, 10).trimEnd()
    if (!/^\d+$/.test(sizeText))
      throw new MachineError('VMBUS_IMAGE_FORMAT', `${what}: ar member ${name} has the size "${sizeText}"`)
    const size = Number(sizeText)
    at += HEADER
    if (at + size > bytes.length)
      throw truncated(`${what}: ar member ${name} has ${size} bytes, ${bytes.length - at} are there`)
    members.push({ name, bytes: bytes.subarray(at, at + size) })
    at += size + (size & 1)
  }
  return members
}

function text(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length))
}
