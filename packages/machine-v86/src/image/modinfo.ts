import { MachineError } from '../errors.ts'

/** What a kernel module says of itself in its .modinfo section. */
export interface ModuleInfo {
  readonly name: string
  /** Modules that must be there first. */
  readonly depends: readonly string[]
  /** Modules, or aliases of them, that should be there first ("softdep=pre: …"). */
  readonly softDepends: readonly string[]
  readonly aliases: readonly string[]
}

/** Module names as the kernel compares them: `-` and `_` are the same. */
export function moduleName(name: string): string {
  return name.replace(/-/g, '_')
}

/** Reads .modinfo, NUL-separated `key=value` strings, of a 32-bit little-endian ELF module. */
export function readModuleInfo(elf: Uint8Array, what: string): ModuleInfo {
  const fields = modinfoStrings(elf)
  if (fields === undefined)
    throw new MachineError('VMBUS_IMAGE_FORMAT', `${what} is not a 32-bit kernel module`, { what })
  const all = (key: string): string[] =>
    fields.filter((f) => f.startsWith(`${key}=`)).map((f) => f.slice(key.length + 1))
  const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== '')
  const soft = all('softdep').flatMap((text) => words(/pre:\s*(.*?)(?=post:|$)/.exec(text)?.[1] ?? ''))
  return {
    name: moduleName(all('name')[0] ?? what),
    depends: all('depends').flatMap(words).map(moduleName),
    softDepends: soft,
    aliases: all('alias'),
  }
}

function modinfoStrings(elf: Uint8Array): string[] | undefined {
  if (elf.length < 52 || elf[0] !== 0x7f || elf[4] !== 1) return undefined
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength)
  const table = view.getUint32(32, true)
  const stride = view.getUint16(46, true)
  const count = view.getUint16(48, true)
  const namesIndex = view.getUint16(50, true)
  if (stride < 40 || table + stride * count > elf.length || namesIndex >= count) return undefined
  const span = (index: number): Uint8Array | undefined => {
    const at = table + index * stride
    const offset = view.getUint32(at + 16, true)
    const length = view.getUint32(at + 20, true)
    return offset + length > elf.length ? undefined : elf.subarray(offset, offset + length)
  }
  const names = span(namesIndex)
  if (names === undefined) return undefined
  for (let i = 0; i < count; i++) {
    const nameAt = view.getUint32(table + i * stride, true)
    if (text(names.subarray(nameAt, nameAt + 9)) !== '.modinfo\0') continue
    const contents = span(i)
    return contents === undefined ? undefined : text(contents).split('\0')
  }
  return undefined
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes)
}
