import type { BlockDevice } from './block.ts'
import type { NewIdentity } from './identity.ts'
import { checkFor } from './options.ts'
import type { ParentSource } from './parent.ts'
import { rawDisk } from './raw.ts'
import type { ByteStore } from './store.ts'
import { isFooter } from './vhd/footer.ts'
import { openVhd } from './vhd/open.ts'
import { isVhdx } from './vhdx/header.ts'
import { openVhdx } from './vhdx/open.ts'

export type ImageFormat = 'raw' | 'vhd' | 'vhdx'

/** By its signature; what has none is raw. */
export function detectFormat(store: ByteStore): ImageFormat {
  if (isVhdx(store)) return 'vhdx'
  const bytes = new Uint8Array(512)
  for (const at of [0, store.size - 512, store.size - 511]) {
    if (at < 0) continue
    store.read(at, bytes)
    if (isFooter(bytes)) return 'vhd'
  }
  return 'raw'
}

export interface OpenImageOptions {
  /**
   * Default: by signature. Say it for images that a guest wrote to: it can put the signature of another format, with a
   * parent of its choice, at the start of a raw one.
   */
  readonly format?: ImageFormat
  readonly readOnly?: boolean
  readonly parent?: ParentSource
  readonly newIdentity?: NewIdentity
}

export function openImage(store: ByteStore, options: OpenImageOptions = {}): BlockDevice {
  checkFor('openImage', options)
  const { format = detectFormat(store), newIdentity, parent, readOnly } = options
  const access = readOnly === undefined ? {} : { readOnly }
  if (format === 'raw') return rawDisk(store, access)
  const above = { ...access, ...(parent === undefined ? {} : { parent }) }
  if (format === 'vhd') return openVhd(store, above)
  return openVhdx(store, { ...above, ...(newIdentity === undefined ? {} : { newIdentity }) })
}
