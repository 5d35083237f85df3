import { bytes, integer, list, object, optional, restoreState, stateForm, type StateHead } from '@vmbus/world'
import type { BlockDevice, Layer } from './block.ts'
import { blockDevice, type Image } from './device.ts'
import { StoreError } from './errors.ts'
import { forwarding } from './forwarding.ts'
import { copyDown } from './copy-down.ts'
import { demand, readFrom } from './parent-read.ts'
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

/**
 * A differencing child over any block device, in memory: `createVhdx(store, { parent })` makes one that is a file.
 * The parent must not change while the child lives, and stays open when the child is closed.
 */
export function differencing(parent: BlockDevice): Differencing {
  const { sectorSize } = parent
  const pieces = new Map<number, Piece>()
  const perPiece = CHUNK / sectorSize
  let size = parent.sectors * sectorSize

  const pieceAt = (index: number): Piece => {
    let piece = pieces.get(index)
    if (piece === undefined) {
      piece = { present: new Uint8Array(perPiece), data: undefined }
      pieces.set(index, piece)
    }
    return piece
  }

  /** Calls `step` with each piece's part of a range. */
  const split = (
    position: number,
    length: number,
    step: (index: number, at: number, count: number, done: number) => void,
  ): void => {
    for (let done = 0; done < length;) {
      const index = Math.floor((position + done) / CHUNK)
      const at = position + done - index * CHUNK
      const count = Math.min(CHUNK - at, length - done)
      step(index, at, count, done)
      done += count
    }
  }

  const readPiece = (index: number, at: number, buffer: Uint8Array, start: number, length: number): void => {
    const piece = pieces.get(index)
    if (piece === undefined) return readFrom(parent, index * CHUNK + at, buffer, start, length)
    const has = (byte: number): boolean => piece.present[Math.floor(byte / sectorSize)] === 1
    for (let done = 0; done < length;) {
      const here = has(at + done)
      let to = done
      while (to < length && has(at + to) === here) to += sectorSize - ((at + to) % sectorSize)
      to = Math.min(to, length)
      if (!here) readFrom(parent, index * CHUNK + at + done, buffer, start + done, to - done)
      else if (piece.data === undefined) buffer.fill(0, start + done, start + to)
      else buffer.set(piece.data.subarray(at + done, at + to), start + done)
      done = to
    }
  }

  const writePiece = (index: number, at: number, buffer: Uint8Array, start: number, length: number): void => {
    const piece = pieceAt(index)
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

  const zeroAt = (position: number, length: number): void => {
    split(position, length, (index, at, count) => {
      const piece = pieceAt(index)
      piece.present.fill(1, at / sectorSize, (at + count) / sectorSize)
      if (count === CHUNK || (index * CHUNK + at + count === size && at === 0)) piece.data = undefined
      else piece.data?.fill(0, at, at + count)
    })
  }

  const extent: Layer['extent'] = (sector) => {
    const piece = pieces.get(Math.floor(sector / perPiece))
    const from = sector % perPiece
    const end = Math.min(perPiece, size / sectorSize - sector + from)
    const own = piece?.present[from] === 1
    let to = from + 1
    while (to < end && (piece?.present[to] === 1) === own) to++
    return { where: !own ? 'parent' : piece?.data === undefined ? 'zeros' : 'own', count: to - from }
  }

  const piece = object<SavedPiece>({ index: integer(), present: bytes(perPiece), data: optional(bytes(CHUNK)) })
  const form = stateForm<DifferencingFields>('differencing', 1, {
    size: multiple(sectorSize, 1),
    pieces: list(piece),
  })
  const image: Image = {
    format: 'differencing',
    sectorSize,
    physicalSectorSize: parent.physicalSectorSize,
    readOnly: false,
    identity: parent.identity,
    supportsDiscard: true,
    discardGranularity: sectorSize,
    linkage: () => undefined,
    // A memory of its parent's contents has no use for their name.
    layer: { extent, expect() {} },
    size: () => size,
    readAt(position, buffer, start, length) {
      split(position, length, (index, at, count, done) => readPiece(index, at, buffer, start + done, count))
    },
    writeAt(position, buffer, start, length) {
      split(position, length, (index, at, count, done) => writePiece(index, at, buffer, start + done, count))
    },
    flush() {},
    discardAt: zeroAt,
    zeroAt,
    resize(bytes) {
      const old = size
      size = Math.max(old, bytes)
      // Zeros both ways: behind a shrunk disk's end nothing may come back when it grows again.
      if (bytes > old) zeroAt(old, bytes - old)
      else zeroAt(bytes, old - bytes)
      size = bytes
    },
    close() {},
    save: (): DifferencingFields & StateHead => ({
      ...form.head,
      size,
      pieces: [...pieces].map(([index, { present, data }]) => ({
        index,
        present: present.slice(),
        data: data?.slice(),
      })),
    }),
    accept(state) {
      const saved = restoreState(state, form)
      return () => {
        size = saved.size
        pieces.clear()
        for (const { index, present, data } of saved.pieces) pieces.set(index, { present, data })
      }
    },
    inspect: () => ({
      pieces: pieces.size,
      bytes: [...pieces.values()].filter(({ data }) => data !== undefined).length * CHUNK,
      parent: parent.inspect(),
    }),
  }

  const child = blockDevice(image)
  const merge = (): void => {
    if (parent.readOnly) throw new StoreError('VMBUS_STORE_IO', 'the parent is read-only')
    if (size !== parent.sectors * sectorSize) parent.resize(size / sectorSize)
    copyDown(child, { extent }, parent, 0, size / sectorSize)
    demand(parent.flush())
    pieces.clear()
  }
  return Object.assign(
    forwarding(() => child, {}),
    { merge },
  )
}
