import {
  bytes,
  integer,
  list,
  object,
  optional,
  restoreState,
  stateForm,
  type StateForm,
  type StateHead,
} from '@vmbus/world'
import type { BlockDevice, Layer } from './block.ts'
import { blockDevice, type Image } from './device.ts'
import { StoreError } from './errors.ts'
import { forwarding } from './forwarding.ts'
import { copyDown } from './copy-down.ts'
import { demand, readFrom } from './parent-read.ts'
import { eachBlock, inBlocks, readMixed, type BlockTransfer } from './parts.ts'
import { multiple } from './state.ts'

/** A child in memory. Writes stay in it until they are merged. */
export interface Differencing extends BlockDevice {
  /** Writes everything that differs to the parent, flushes it, and empties the child. */
  merge(): void
}

const CHUNK = 65536

interface Piece {
  /** One byte per sector: 1 when the child has it. */
  readonly present: Uint8Array
  /** Undefined: what is present is zeros. */
  data: Uint8Array | undefined
}

interface SavedPiece {
  readonly index: number
  readonly present: Uint8Array
  readonly data: Uint8Array | undefined
}

interface DifferencingFields {
  readonly size: number
  readonly pieces: readonly SavedPiece[]
}

/** What the calls of a child share. */
interface Child {
  readonly parent: BlockDevice
  readonly pieces: Map<number, Piece>
  readonly form: StateForm<DifferencingFields>
  /** Bytes. */
  size: number
}

function pieceAt({ pieces, parent }: Child, index: number): Piece {
  let piece = pieces.get(index)
  if (piece === undefined) {
    piece = { present: new Uint8Array(CHUNK / parent.sectorSize), data: undefined }
    pieces.set(index, piece)
  }
  return piece
}

function readPiece(child: Child, index: number, at: number, buffer: Uint8Array, start: number, length: number): void {
  const { parent } = child
  const piece = child.pieces.get(index)
  if (piece === undefined) return readFrom(parent, index * CHUNK + at, buffer, start, length)
  const { present, data } = piece
  const source = {
    sectorSize: parent.sectorSize,
    has: (sector: number) => present[sector] === 1,
    own(from: number, to: number, count: number) {
      if (data === undefined) buffer.fill(0, to, to + count)
      else buffer.set(data.subarray(from, from + count), to)
    },
    parent,
    blockStart: index * CHUNK,
  }
  readMixed(source, at, buffer, start, length)
}

function writePiece(child: Child, index: number, at: number, buffer: Uint8Array, start: number, length: number): void {
  const { parent } = child
  const { sectorSize } = parent
  const piece = pieceAt(child, index)
  const data = (piece.data ??= new Uint8Array(CHUNK))
  // A sector that is written in part only must have the rest from below.
  for (const edge of [at, at + length]) {
    const sector = Math.floor(edge / sectorSize)
    if (edge % sectorSize !== 0 && piece.present[sector] === 0)
      readFrom(parent, index * CHUNK + sector * sectorSize, data, sector * sectorSize, sectorSize)
  }
  data.set(buffer.subarray(start, start + length), at)
  piece.present.fill(1, Math.floor(at / sectorSize), Math.ceil((at + length) / sectorSize))
}

function zeroAt(child: Child, position: number, length: number): void {
  const { sectorSize } = child.parent
  eachBlock(position, length, CHUNK, child.size, (index, at, count, whole) => {
    const piece = pieceAt(child, index)
    piece.present.fill(1, at / sectorSize, (at + count) / sectorSize)
    if (whole) piece.data = undefined
    else piece.data?.fill(0, at, at + count)
  })
}

function extentOf({ parent, pieces, size }: Child, sector: number): ReturnType<Layer['extent']> {
  const perPiece = CHUNK / parent.sectorSize
  const piece = pieces.get(Math.floor(sector / perPiece))
  const from = sector % perPiece
  const end = Math.min(perPiece, size / parent.sectorSize - sector + from)
  const own = piece?.present[from] === 1
  let to = from + 1
  while (to < end && (piece?.present[to] === 1) === own) to++
  return { where: !own ? 'parent' : piece?.data === undefined ? 'zeros' : 'own', count: to - from }
}

/** Zeros both ways: behind a shrunk disk's end nothing may come back when it grows again. */
function resize(child: Child, bytes: number): void {
  const old = child.size
  child.size = Math.max(old, bytes)
  zeroAt(child, Math.min(old, bytes), Math.abs(bytes - old))
  child.size = bytes
}

const saved = ({ form, size, pieces }: Child): DifferencingFields & StateHead => ({
  ...form.head,
  size,
  pieces: [...pieces].map(([index, { present, data }]) => ({ index, present: present.slice(), data: data?.slice() })),
})

function accepted(child: Child, state: unknown): () => void {
  const { size, pieces } = restoreState(state, child.form)
  return () => {
    child.size = size
    child.pieces.clear()
    for (const { index, present, data } of pieces) child.pieces.set(index, { present, data })
  }
}

function imageOf(child: Child): Image {
  const { parent, pieces } = child
  const { sectorSize } = parent
  const read: BlockTransfer = (index, at, buffer, start, length) => readPiece(child, index, at, buffer, start, length)
  const write: BlockTransfer = (index, at, buffer, start, length) => writePiece(child, index, at, buffer, start, length)
  return {
    format: 'differencing',
    sectorSize,
    physicalSectorSize: parent.physicalSectorSize,
    readOnly: false,
    identity: parent.identity,
    supportsDiscard: true,
    discardGranularity: sectorSize,
    linkage: () => undefined,
    // A memory of its parent's contents has no use for their name.
    layer: { extent: (sector) => extentOf(child, sector), expect() {} },
    size: () => child.size,
    readAt: (position, buffer, start, length) => inBlocks(CHUNK, read, position, buffer, start, length),
    writeAt: (position, buffer, start, length) => inBlocks(CHUNK, write, position, buffer, start, length),
    flush() {},
    discardAt: (position, length) => zeroAt(child, position, length),
    zeroAt: (position, length) => zeroAt(child, position, length),
    resize: (bytes) => resize(child, bytes),
    close() {},
    save: () => saved(child),
    accept: (state) => accepted(child, state),
    inspect: () => ({
      pieces: pieces.size,
      bytes: [...pieces.values()].filter(({ data }) => data !== undefined).length * CHUNK,
      parent: parent.inspect(),
    }),
  }
}

/**
 * A differencing child over any block device, in memory: `createVhdx(store, { parent })` makes one that is a file.
 * The parent must not change while the child lives, and stays open when the child is closed.
 */
export function differencing(parent: BlockDevice): Differencing {
  const { sectorSize } = parent
  const present = bytes(CHUNK / sectorSize)
  const piece = object<SavedPiece>({ index: integer(), present, data: optional(bytes(CHUNK)) })
  const child: Child = {
    parent,
    pieces: new Map(),
    form: stateForm<DifferencingFields>('differencing', 1, { size: multiple(sectorSize, 1), pieces: list(piece) }),
    size: parent.sectors * sectorSize,
  }
  const device = blockDevice(imageOf(child))
  const merge = (): void => {
    if (parent.readOnly) throw new StoreError('VMBUS_STORE_IO', 'the parent is read-only')
    const sectors = child.size / sectorSize
    if (sectors !== parent.sectors) parent.resize(sectors)
    copyDown(device, { extent: (sector) => extentOf(child, sector) }, parent, 0, sectors)
    demand(parent.flush())
    child.pieces.clear()
  }
  return Object.assign(
    forwarding(() => device, {}),
    { merge },
  )
}
