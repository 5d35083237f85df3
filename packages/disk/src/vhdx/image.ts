import type { StateHead } from '@vmbus/world'
import type { BlockDevice } from '../block.ts'
import type { Image } from '../device.ts'
import { BlockState } from './bat.ts'
import { blocksOf } from './blocks.ts'
import type { VhdxFile } from './file.ts'
import { formatGuid } from './guid.ts'
import { hasLog } from './header.ts'
import { begin, commit, finish, settle } from './journal.ts'
import { expectLinkages, renewLinkage } from './linkage.ts'
import { resizeVhdx } from './resize.ts'
import { VHDX_STATE, accepted, type VhdxFields } from './state.ts'

/** A VHDX of any type as bytes of a disk. */
export function vhdxImage(
  file: VhdxFile,
  parent: BlockDevice | undefined,
  readOnly: boolean,
  closed: () => void,
): Image {
  const { blockSize, sectorSize, physicalSectorSize, fixed, diskId } = file.metadata
  const blocks = blocksOf(file, parent)

  const eachBlock = (
    position: number,
    length: number,
    step: (block: number, at: number, count: number, whole: boolean) => void,
  ): void => {
    begin(file)
    const end = position + length
    for (let from = position; from < end;) {
      const block = Math.floor(from / blockSize)
      const to = Math.min(end, (block + 1) * blockSize)
      step(
        block,
        from - block * blockSize,
        to - from,
        from === block * blockSize && (to === (block + 1) * blockSize || to === file.metadata.diskSize),
      )
      settle(file)
      from = to
    }
  }

  return {
    format: 'vhdx',
    sectorSize,
    physicalSectorSize,
    readOnly,
    identity: diskId,
    // LeaveBlockAllocated: a fixed file keeps all its blocks.
    supportsDiscard: !fixed,
    discardGranularity: blockSize,
    linkage: () => file.header.dataWriteGuid,
    layer:
      parent === undefined
        ? undefined
        : {
            extent(sector) {
              const perBlock = blockSize / sectorSize
              const { where, count } = blocks.extent(Math.floor(sector / perBlock), sector % perBlock)
              return { where, count: Math.min(count, file.metadata.diskSize / sectorSize - sector) }
            },
            expect: (linkage, other) => expectLinkages(file, linkage, other),
          },
    renewLinkage: (announce) => renewLinkage(file, announce),
    size: () => file.metadata.diskSize,
    readAt(position, buffer, start, length) {
      for (let done = 0; done < length;) {
        const block = Math.floor((position + done) / blockSize)
        const at = position + done - block * blockSize
        const count = Math.min(length - done, blockSize - at)
        blocks.read(block, at, buffer, start + done, count)
        done += count
      }
    },
    writeAt(position, buffer, start, length) {
      begin(file)
      for (let done = 0; done < length;) {
        const block = Math.floor((position + done) / blockSize)
        const at = position + done - block * blockSize
        const count = Math.min(length - done, blockSize - at)
        blocks.write(block, at, buffer, start + done, count)
        settle(file)
        done += count
      }
    },
    flush: () => commit(file),
    discardAt(position, length) {
      if (fixed) return
      eachBlock(position, length, (block, _at, _count, whole) => {
        if (whole) blocks.drop(block, BlockState.UNMAPPED)
      })
    },
    zeroAt(position, length) {
      eachBlock(position, length, (block, at, count, whole) => {
        if (whole && !fixed) blocks.drop(block, BlockState.ZERO)
        else blocks.zero(block, at, count)
      })
    },
    resize: (bytes) => resizeVhdx(file, blocks, parent, bytes),
    close() {
      if (!readOnly) finish(file)
      closed()
    },
    save: (): VhdxFields & StateHead => ({
      ...VHDX_STATE,
      header: { ...file.header },
      regions: { ...file.regions },
      metadata: { ...file.metadata },
      bat: file.bat.slice(),
      dirtyBat: [...file.dirtyBat],
      pages: [...file.pages].map(([offset, bytes]) => ({
        offset,
        bytes: bytes.slice(),
        dirty: file.dirtyPages.has(offset),
      })),
      pendingFree: [...file.pendingFree],
      log: { ...file.log },
      marked: file.marked,
      serial: file.serial,
      store: file.store.save?.(),
    }),
    accept: (state) => accepted(state, file),
    inspect: () => ({
      type: parent !== undefined ? 'differencing' : fixed ? 'fixed' : 'dynamic',
      blockSize,
      physicalSectorSize,
      id: formatGuid(diskId),
      headerSequence: Number(file.header.sequence),
      logInUse: hasLog(file.header),
      unflushedPages: file.dirtyBat.size + file.dirtyPages.size,
      usedBytes: file.space.end,
      store: file.store.inspect(),
      ...(parent === undefined ? {} : { parent: parent.inspect() }),
    }),
  }
}
