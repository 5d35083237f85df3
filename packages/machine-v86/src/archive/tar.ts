import { MachineError } from '../errors.ts'

type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'other'

export interface TarEntry {
  /** Without a leading `./` or `/`. */
  readonly path: string
  readonly type: TarType
  readonly mode: number
  /** Target of a link. */
  readonly target: string
  readonly bytes: Uint8Array
}

const BLOCK = 512
const TYPES: Readonly<Record<string, TarType>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
}

const broken = (message: string): MachineError => new MachineError('VMBUS_IMAGE_FORMAT', `tar: ${message}`)
const decoder = new TextDecoder()

/** Entries of a ustar archive with the GNU long name and pax path extensions, in order (tar(5)). */
export function* readTar(bytes: Uint8Array): Generator<TarEntry> {
  let longPath: string | undefined
  let longTarget: string | undefined
  for (let at = 0; at + BLOCK <= bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK)
    if (header.every((value) => value === 0)) return
    checkSum(header, at)
    const size = octal(header, 124, 12, 'size')
    const body = at + BLOCK
    if (body + size > bytes.length)
      throw new MachineError('VMBUS_IMAGE_TRUNCATED', `tar: an entry of ${size} bytes has ${bytes.length - body}`)
    const contents = bytes.subarray(body, body + size)
    at = body + Math.ceil(size / BLOCK) * BLOCK
    const flag = String.fromCharCode(header[156] ?? 0)
    if (flag === 'L') longPath = field(contents, 0, contents.length)
    else if (flag === 'K') longTarget = field(contents, 0, contents.length)
    else if (flag === 'x') {
      const pax = paxRecords(contents)
      longPath = pax.get('path') ?? longPath
      longTarget = pax.get('linkpath') ?? longTarget
    } else if (flag !== 'g') {
      const prefix = field(header, 257, 5) === 'ustar' ? field(header, 345, 155) : ''
      const short = field(header, 0, 100)
      const path = longPath ?? (prefix === '' ? short : `${prefix}/${short}`)
      yield {
        path: safePath(path),
        type: TYPES[flag] ?? 'other',
        mode: octal(header, 100, 8, 'mode') & 0o7777,
        target: longTarget ?? field(header, 157, 100),
        bytes: contents,
      }
      longPath = longTarget = undefined
    }
  }
}

function field(bytes: Uint8Array, at: number, length: number): string {
  const whole = bytes.subarray(at, at + length)
  const end = whole.indexOf(0)
  return decoder.decode(end < 0 ? whole : whole.subarray(0, end))
}

function octal(header: Uint8Array, at: number, length: number, what: string): number {
  const digits = field(header, at, length).trim()
  if (!/^[0-7]*$/.test(digits)) throw broken(`the ${what} "${digits}" is not octal`)
  return digits === '' ? 0 : parseInt(digits, 8)
}

/** The header's sum is that of its bytes with the sum's own field as spaces. */
function checkSum(header: Uint8Array, at: number): void {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] ?? 0)
  if (sum !== octal(header, 148, 8, 'checksum')) throw broken(`the header at byte ${at} has a wrong checksum`)
}

/** Records "length key=value\n" (POSIX pax interchange format). */
function paxRecords(contents: Uint8Array): Map<string, string> {
  const records = new Map<string, string>()
  for (let at = 0; at < contents.length;) {
    const space = contents.indexOf(0x20, at)
    const length = space < 0 ? NaN : Number(decoder.decode(contents.subarray(at, space)))
    if (!Number.isInteger(length) || length <= space - at || at + length > contents.length)
      throw broken('a pax record has a wrong length')
    const [key = '', ...value] = decoder.decode(contents.subarray(space + 1, at + length - 1)).split('=')
    records.set(key, value.join('='))
    at += length
  }
  return records
}

function safePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw broken(`the path ${path} leaves the archive`)
  return parts.join('/')
}
