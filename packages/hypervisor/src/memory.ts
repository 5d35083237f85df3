import { PartitionError } from './errors.ts'
import type { GuestMemory } from './types.ts'

const PAGE = 4096

/** Whatever owns a buffer and may replace it: a `WebAssembly.Memory` is one. */
export interface BufferOwner {
  readonly buffer: ArrayBufferLike
}

export interface GuestMemoryOptions {
  /**
   * The buffer that holds guest RAM, or its owner, whose `buffer` is followed when it is replaced or grows. Without one, a
   * buffer of `size` bytes is made.
   */
  readonly source?: ArrayBufferLike | BufferOwner
  /** Where GPA 0 is in the buffer: a multiple of 4 (Atomics work on aligned words). Default 0. */
  readonly base?: number
  /** Bytes of RAM, a multiple of 4096. Default: from `base` to the buffer's end. */
  readonly size?: number
  /** Makes the buffer a SharedArrayBuffer, for guests in another thread. Ignored with `source`. Default false. */
  readonly shared?: boolean
  /** The guest runs in another thread or process. Default: the buffer is a SharedArrayBuffer. */
  readonly concurrent?: boolean
  /** Called after each bulk host write, as {@link GuestMemory.wrote}. */
  readonly wrote?: (gpa: number, length: number) => void
}

const isOwner = (source: ArrayBufferLike | BufferOwner): source is BufferOwner => 'buffer' in source

/**
 * Guest RAM over a buffer of its own (a size in bytes), over a given one (an ArrayBuffer, a SharedArrayBuffer or the
 * bytes of a view), or over an owner's that may be replaced (options). Fields are little-endian, which `words` shares
 * with every processor that JavaScript runs on.
 *
 * @throws PartitionError VMBUS_GUEST_MEMORY when the size is not a positive multiple of 4096, the base not a multiple of
 * 4, the buffer too short, or the size more than the JavaScript engine can look at.
 */
export function guestMemory(from: number | ArrayBufferLike | Uint8Array | GuestMemoryOptions): GuestMemory {
  const options = optionsOf(from)
  const { source, base = 0, wrote } = options
  const owner = source ?? allocate(options)
  const buffer = (): ArrayBufferLike => (isOwner(owner) ? owner.buffer : owner)
  const size = options.size ?? buffer().byteLength - base
  if (!Number.isSafeInteger(size) || size <= 0 || size % PAGE !== 0) {
    throw new PartitionError('VMBUS_GUEST_MEMORY', `guest RAM of ${size} bytes is not a positive multiple of ${PAGE}`)
  }
  if (!Number.isSafeInteger(base) || base < 0 || base % 4 !== 0) {
    throw new PartitionError('VMBUS_GUEST_MEMORY', `base ${base} is not a multiple of 4`)
  }
  if (base + size > buffer().byteLength) {
    throw new PartitionError('VMBUS_GUEST_MEMORY', `${size} bytes at ${base} exceed a buffer of ${buffer().byteLength}`)
  }

  // By name: a buffer of another realm is no instance of this one's class.
  const concurrent = options.concurrent ?? isNamed(buffer(), 'SharedArrayBuffer')
  const make = (): Views => viewsOf(buffer(), base, size)
  return isOwner(owner)
    ? new OwnedMemory(owner, make, size, concurrent, wrote)
    : new FixedMemory(make(), size, concurrent, wrote)
}

const isNamed = (value: unknown, name: string): boolean => Object.prototype.toString.call(value) === `[object ${name}]`

type Wrote = NonNullable<GuestMemoryOptions['wrote']>
const untold: Wrote = () => {}

/**
 * RAM whose buffer stays. A class of plain fields: a packet reads them some ten times, and through getters of an object
 * literal, each with a hidden class of its own, that was half of a ring's time (0.46 of it at 64 bytes, Node 20).
 */
class FixedMemory implements GuestMemory {
  readonly size: number
  readonly concurrent: boolean
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly words: Int32Array
  readonly wrote: Wrote

  constructor({ bytes, view, words }: Views, size: number, concurrent: boolean, wrote = untold) {
    this.size = size
    this.concurrent = concurrent
    this.bytes = bytes
    this.view = view
    this.words = words
    this.wrote = wrote
  }
}

/** RAM whose buffer its owner may replace. */
class OwnedMemory implements GuestMemory {
  readonly size: number
  readonly concurrent: boolean
  readonly wrote: Wrote
  private readonly owner: BufferOwner
  private readonly make: () => Views
  private readonly detaches: boolean
  private seen: ArrayBufferLike
  private views: Views

  constructor(owner: BufferOwner, make: () => Views, size: number, concurrent: boolean, wrote = untold) {
    this.size = size
    this.concurrent = concurrent
    this.wrote = wrote
    this.owner = owner
    this.make = make
    this.detaches = isNamed(owner, 'WebAssembly.Memory')
    this.seen = owner.buffer
    this.views = make()
  }

  get bytes(): Uint8Array {
    return this.current().bytes
  }

  get view(): DataView {
    return this.current().view
  }

  get words(): Int32Array {
    return this.current().words
  }

  private current(): Views {
    // Growth leaves views of a WebAssembly.Memory empty, or as they were if it is shared. Asking it for its buffer costs 15
    // to 24 ns, which was half of a packet's time.
    if (this.detaches ? this.views.bytes.length > 0 : this.owner.buffer === this.seen) return this.views
    this.seen = this.owner.buffer
    this.views = this.make()
    return this.views
  }
}

interface Views {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly words: Int32Array
}

/** Node 20 has no views of more than 4 GiB, Node 22 has. */
function viewsOf(buffer: ArrayBufferLike, base: number, size: number): Views {
  try {
    return {
      bytes: new Uint8Array(buffer, base, size),
      view: new DataView(buffer, base, size),
      words: new Int32Array(buffer, base, size / 4),
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new PartitionError('VMBUS_GUEST_MEMORY', `guest RAM of ${size} bytes is more than this engine has views of`)
  }
}

function optionsOf(from: number | ArrayBufferLike | Uint8Array | GuestMemoryOptions): GuestMemoryOptions {
  if (typeof from === 'number') return { size: from }
  if (from instanceof Uint8Array) return { source: from.buffer, base: from.byteOffset, size: from.byteLength }
  if ('byteLength' in from) return { source: from }
  return from
}

function allocate(options: GuestMemoryOptions): ArrayBufferLike {
  const size = options.size ?? 0
  if (!Number.isSafeInteger(size) || size <= 0) {
    throw new PartitionError('VMBUS_GUEST_MEMORY', `guest RAM of ${size} bytes is not a positive multiple of ${PAGE}`)
  }
  return options.shared === true ? new SharedArrayBuffer(size) : new ArrayBuffer(size)
}
