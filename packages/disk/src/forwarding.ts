import type { BlockDevice } from './block.ts'

/** A device that passes everything on to another, which may change, but for the members given. */
export function forwarding(target: () => BlockDevice, members: Partial<BlockDevice>): BlockDevice {
  const base: BlockDevice = {
    get sectorSize() {
      return target().sectorSize
    },
    get physicalSectorSize() {
      return target().physicalSectorSize
    },
    get sectors() {
      return target().sectors
    },
    get readOnly() {
      return target().readOnly
    },
    get identity() {
      return target().identity
    },
    get supportsDiscard() {
      return target().supportsDiscard
    },
    get discardGranularity() {
      return target().discardGranularity
    },
    get linkage() {
      return target().linkage
    },
    get layer() {
      return target().layer
    },
    get renewLinkage() {
      return target().renewLinkage
    },
    read: (sector, buffers) => target().read(sector, buffers),
    write: (sector, buffers) => target().write(sector, buffers),
    flush: () => target().flush(),
    discard: (sector, count) => target().discard(sector, count),
    zero: (sector, count) => target().zero(sector, count),
    resize: (sectors) => target().resize(sectors),
    onResize: (listener) => target().onResize(listener),
    close: () => target().close(),
    save: () => target().save(),
    restore: (state) => target().restore(state),
    checkState: (state) => target().checkState?.(state),
    inspect: () => target().inspect(),
  }
  return Object.defineProperties(base, Object.getOwnPropertyDescriptors(members))
}
