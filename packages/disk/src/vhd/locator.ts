import type { ByteStore } from '../store.ts'

/** Where a parent's path is stored (VHD 1.0, "Parent Locator Entries"). */
export interface VhdLocatorEntry {
  /** Four characters: `W2ru` relative and `W2ku` absolute, both UTF-16; `MacX` a file URL in UTF-8. */
  readonly platform: string
  /**
   * Platform data space: sectors, says the document; bytes, write some implementations. Only written here, never read.
   */
  readonly sectors: number
  /** Bytes. */
  readonly length: number
  /** Byte offset in the file. */
  readonly offset: number
}

/** Paths under which the parent of a differencing image was last known. */
export interface ParentPaths {
  /** Relative to the image's own directory, with `\` as separator. */
  readonly relative?: string
  /** A Windows path, or a path of the system that wrote it. */
  readonly absolute?: string
}

/** UTF-16 in little-endian order: unlike the numbers of the format, since it is what Windows hands over. */
export function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 2)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < text.length; i++) view.setUint16(i * 2, text.charCodeAt(i), true)
  return bytes
}

export function fromUtf16(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let text = ''
  for (let i = 0; i + 1 < bytes.length; i += 2) text += String.fromCharCode(view.getUint16(i, true))
  return text
}

/** Reads the paths of the Windows locators, which are the ones that anybody writes today. */
export function readLocators(store: ByteStore, locators: readonly VhdLocatorEntry[]): ParentPaths {
  const paths: { relative?: string; absolute?: string } = {}
  for (const { platform, length, offset } of locators) {
    if (platform !== 'W2ru' && platform !== 'W2ku') continue
    const bytes = new Uint8Array(length)
    store.read(offset, bytes)
    const text = fromUtf16(bytes).replace(/\0+$/, '')
    if (platform === 'W2ru') paths.relative = text
    else paths.absolute = text
  }
  return paths
}
