import { restoreState, stateForm, type StateHead } from '@vmbus/world'
import type { Image } from '../device.ts'
import { DiskError, unsupported } from '../errors.ts'
import { savedStore } from '../state.ts'
import { writeZeros, type ByteStore, type StoreState } from '../store.ts'
import { FOOTER_SIZE, VHD_MAX_SIZE, VHD_SECTOR, encodeFooter, footerState, type VhdFooter } from './footer.ts'

interface FixedVhdFields {
  readonly footer: VhdFooter
  readonly store: StoreState | undefined
}

/** A fixed VHD: the sectors, then the footer. */
export function fixedVhd(store: ByteStore, opened: VhdFooter, readOnly: boolean, release: () => void): Image {
  let footer = opened

  /** The disk that could not be resized: its footer where it was, and nothing behind it. */
  const takeBack = (size: number, overwritten: { readonly at: number; readonly bytes: Uint8Array }): void => {
    if (overwritten.at < size) store.write(overwritten.at, overwritten.bytes)
    store.write(size, encodeFooter(footer))
    store.truncate(size + FOOTER_SIZE)
  }

  const resize = (bytes: number): void => {
    if (footer.savedState) throw unsupported('VHD hard disk footer', 'a disk in saved state cannot be resized')
    if (bytes > VHD_MAX_SIZE && bytes > footer.currentSize)
      throw new DiskError('VMBUS_DISK_OPTION', `a VHD has at most 2040 GiB, not ${bytes} bytes`, { bytes })
    const next = { ...footer, currentSize: bytes }
    const old = footer.currentSize
    const overwritten = { at: bytes, bytes: new Uint8Array(FOOTER_SIZE) }
    store.read(bytes, overwritten.bytes)
    // One write makes the file longer and gives it its footer: a cut between the two would leave it without one.
    try {
      store.write(bytes, encodeFooter(next))
      store.flush()
      if (bytes > old) writeZeros(store, old, FOOTER_SIZE)
      else store.truncate(bytes + FOOTER_SIZE)
      store.flush()
    } catch (error) {
      takeBack(old, overwritten)
      throw error
    }
    footer = next
  }

  const form = stateForm<FixedVhdFields>('vhd-fixed', 1, { footer: footerState(opened), store: savedStore(store) })
  return {
    format: 'vhd-fixed',
    sectorSize: VHD_SECTOR,
    physicalSectorSize: VHD_SECTOR,
    readOnly,
    identity: footer.uniqueId,
    supportsDiscard: false,
    discardGranularity: VHD_SECTOR,
    linkage: () => footer.uniqueId,
    size: () => footer.currentSize,
    readAt: (position, buffer, start, length) => store.read(position, buffer, start, length),
    writeAt: (position, buffer, start, length) => store.write(position, buffer, start, length),
    flush: () => store.flush(),
    discardAt() {},
    zeroAt: (position, length) => writeZeros(store, position, length),
    resize,
    close() {
      if (!readOnly) store.flush()
      release()
    },
    save: (): FixedVhdFields & StateHead => ({ ...form.head, footer: { ...footer }, store: store.save?.() }),
    accept(state) {
      const saved = restoreState(state, form)
      return () => {
        if (saved.store !== undefined) store.restore?.(saved.store)
        footer = saved.footer
      }
    },
    inspect: () => ({ type: 'fixed', creator: footer.creator, store: store.inspect() }),
  }
}
