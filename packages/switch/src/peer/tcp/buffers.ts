/** Copies between a linear array and a ring of `ring.length` bytes at stream position `position`. */
function copyIn(ring: Uint8Array, position: number, bytes: Uint8Array): void {
  const at = position % ring.length
  const first = Math.min(bytes.length, ring.length - at)
  ring.set(first === bytes.length ? bytes : bytes.subarray(0, first), at)
  if (first < bytes.length) ring.set(bytes.subarray(first), 0)
}

function copyOut(ring: Uint8Array, position: number, length: number, target: Uint8Array, targetAt: number): void {
  const at = position % ring.length
  const first = Math.min(length, ring.length - at)
  target.set(ring.subarray(at, at + first), targetAt)
  if (first < length) target.set(ring.subarray(0, length - first), targetAt + first)
}

function copyOf(ring: Uint8Array, position: number, length: number): Uint8Array {
  const out = new Uint8Array(length)
  if (length > 0) copyOut(ring, position, length, out, 0)
  return out
}

/** Bytes written and not yet acknowledged; positions count the stream's bytes from 0. */
export interface SendBuffer {
  readonly first: number
  readonly length: number
  readonly room: number
  /** Takes as much as there is room for; returns how much. */
  write(bytes: Uint8Array): number
  copy(position: number, length: number, target: Uint8Array, at: number): void
  /** Forgets bytes before `position`. */
  release(position: number): void
  save(): { readonly first: number; readonly bytes: Uint8Array }
}

const FIRST_RING = 4096

/** A ring that grows up to `capacity`. */
export function createSendBuffer(capacity: number, saved?: ReturnType<SendBuffer['save']>): SendBuffer {
  let ring = new Uint8Array(Math.min(capacity, Math.max(FIRST_RING, saved?.bytes.length ?? 0)))
  let first = saved?.first ?? 0
  let end = first
  const grow = (needed: number): void => {
    let size = ring.length
    while (size < needed) size = Math.min(size * 2, capacity)
    if (size === ring.length) return
    const larger = new Uint8Array(size)
    copyIn(larger, first, copyOf(ring, first, end - first))
    ring = larger
  }
  const buffer: SendBuffer = {
    get first() {
      return first
    },
    get length() {
      return end - first
    },
    get room() {
      return capacity - (end - first)
    },
    write(bytes) {
      const taken = Math.min(bytes.length, capacity - (end - first))
      if (taken === 0) return 0
      grow(end - first + taken)
      copyIn(ring, end, taken === bytes.length ? bytes : bytes.subarray(0, taken))
      end += taken
      return taken
    },
    copy: (position, length, target, at) => copyOut(ring, position, length, target, at),
    release(position) {
      first = Math.min(Math.max(first, position), end)
    },
    save: () => ({ first, bytes: copyOf(ring, first, end - first) }),
  }
  if (saved !== undefined) buffer.write(saved.bytes)
  return buffer
}

/** Bytes received: those before `next` are in order, the ranges after it wait for what is missing. */
export interface ReceiveBuffer {
  /** Stream position of the first byte not yet given to the owner, and of the first not yet received. */
  readonly read: number
  readonly next: number
  /** Whether ranges wait. */
  readonly hasGaps: boolean
  /** Takes bytes at a stream position; what is old or beyond the window is cut off. */
  insert(position: number, bytes: Uint8Array): void
  /** Counts bytes as received and read without storing them; only when nothing is stored. */
  skip(length: number): void
  /** The next bytes in order, at most up to the ring's end, or undefined. Valid until the next call. */
  take(): Uint8Array | undefined
  save(): {
    readonly read: number
    readonly next: number
    readonly pieces: readonly { readonly at: number; readonly bytes: Uint8Array }[]
  }
}

/** Ranges held at once; a hostile sender gains nothing by sending every other byte. */
const MOST_RANGES = 256

export function createReceiveBuffer(capacity: number, saved?: ReturnType<ReceiveBuffer['save']>): ReceiveBuffer {
  let ring: Uint8Array | undefined
  let read = saved?.read ?? 0
  let next = saved?.next ?? 0
  /** Sorted, apart from each other and from `next`. */
  let ranges: [start: number, end: number][] = []

  const store = (position: number, bytes: Uint8Array): void =>
    copyIn((ring ??= new Uint8Array(capacity)), position, bytes)
  const addRange = (start: number, end: number): boolean => {
    const touching = ranges.filter((range) => range[0] <= end && range[1] >= start)
    if (touching.length === 0 && ranges.length >= MOST_RANGES && start > next) return false
    const merged: [number, number] = [
      Math.min(start, ...touching.map((range) => range[0])),
      Math.max(end, ...touching.map((range) => range[1])),
    ]
    ranges = [...ranges.filter((range) => !touching.includes(range)), merged].toSorted((a, b) => a[0] - b[0])
    const first = ranges[0]
    if (first !== undefined && first[0] <= next) {
      next = Math.max(next, first[1])
      ranges.shift()
    }
    return true
  }
  const insert = (position: number, bytes: Uint8Array): void => {
    const start = Math.max(position, next)
    const end = Math.min(position + bytes.length, read + capacity)
    if (start >= end || !addRange(start, end)) return
    store(start, bytes.subarray(start - position, end - position))
  }
  if (saved !== undefined) {
    for (const { at, bytes } of saved.pieces) {
      store(at, bytes)
      if (at >= next) ranges.push([at, at + bytes.length])
    }
  }

  return {
    get read() {
      return read
    },
    get next() {
      return next
    },
    get hasGaps() {
      return ranges.length > 0
    },
    insert,
    skip(length) {
      next += length
      read = next
    },
    take() {
      if (read === next || ring === undefined) return undefined
      const at = read % capacity
      const length = Math.min(next - read, capacity - at)
      read += length
      return ring.subarray(at, at + length)
    },
    save() {
      const piece = (start: number, end: number) => ({
        at: start,
        bytes: ring ? copyOf(ring, start, end - start) : new Uint8Array(0),
      })
      const pieces = ranges.map(([start, end]) => piece(start, end))
      return { read, next, pieces: read < next ? [piece(read, next), ...pieces] : pieces }
    },
  }
}
