import type { BlockDevice, Layer } from '../block.ts'
import type { Image } from '../device.ts'
import { eachBlock, inBlocks, type BlockTransfer } from '../parts.ts'
import { BlockState } from './bat.ts'
import { blockExtent, dropBlock, readBlock, writeBlock, zeroBlock, type Blocks } from './blocks.ts'
import type { VhdxFile } from './file.ts'
import { formatGuid } from './guid.ts'
import { hasLog } from './header.ts'
import { begin, commit, finish, settle } from './journal.ts'
import { expectLinkages, renewLinkage } from './linkage.ts'
import { resizeVhdx } from './resize.ts'
import { accepted, saved } from './state.ts'

/** What a differencing file has of its own, for who merges it. */
function layerOf(blocks: Blocks): Layer {
  const { file } = blocks
  const { blockSize, sectorSize } = file.metadata
  const perBlock = blockSize / sectorSize
  return {
    extent(sector) {
      const { where, count } = blockExtent(blocks, Math.floor(sector / perBlock), sector % perBlock)
      return { where, count: Math.min(count, file.metadata.diskSize / sectorSize - sector) }
    },
    expect: (linkage, other) => expectLinkages(file, linkage, other),
  }
}

function inspect({ file, parent }: Blocks): Record<string, unknown> {
  const { blockSize, physicalSectorSize, fixed, diskId } = file.metadata
  return {
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
  }
}

/** A VHDX of any type as bytes of a disk. */
export function vhdxImage(
  file: VhdxFile,
  parent: BlockDevice | undefined,
  readOnly: boolean,
  closed: () => void,
): Image {
  const { blockSize, sectorSize, physicalSectorSize, fixed, diskId } = file.metadata
  const blocks: Blocks = { file, parent }
  const read: BlockTransfer = (block, at, buffer, start, length) => readBlock(blocks, block, at, buffer, start, length)
  const write: BlockTransfer = (block, at, buffer, start, length) => {
    writeBlock(blocks, block, at, buffer, start, length)
    settle(file)
  }

  /** Changes each block of a range, none more than the log has room for. */
  const change = (position: number, length: number, step: Parameters<typeof eachBlock>[4]): void => {
    begin(file)
    eachBlock(position, length, blockSize, file.metadata.diskSize, (...part) => {
      step(...part)
      settle(file)
    })
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
    layer: parent === undefined ? undefined : layerOf(blocks),
    renewLinkage: (announce) => renewLinkage(file, announce),
    size: () => file.metadata.diskSize,
    readAt: (position, buffer, start, length) => inBlocks(blockSize, read, position, buffer, start, length),
    writeAt(position, buffer, start, length) {
      begin(file)
      inBlocks(blockSize, write, position, buffer, start, length)
    },
    flush: () => commit(file),
    discardAt(position, length) {
      if (fixed) return
      change(position, length, (block, _at, _count, whole) => {
        if (whole) dropBlock(blocks, block, BlockState.UNMAPPED)
      })
    },
    zeroAt(position, length) {
      change(position, length, (block, at, count, whole) => {
        if (whole && !fixed) dropBlock(blocks, block, BlockState.ZERO)
        else zeroBlock(blocks, block, at, count)
      })
    },
    resize: (bytes) => resizeVhdx(blocks, bytes),
    close() {
      if (!readOnly) finish(file)
      closed()
    },
    save: () => saved(file),
    accept: (state) => accepted(state, file),
    inspect: () => inspect(blocks),
  }
}
