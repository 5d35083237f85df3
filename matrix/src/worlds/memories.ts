import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'

/** RAM of guests that have ended, for the next ones of the same thread. */
export interface Memories {
  /** Zeros, as at power-on. */
  take(bytes: number): GuestMemory
  /** Its guest has ended. */
  giveBack(memory: GuestMemory): void
}

/** Bytes that are looked at in one piece. */
const PIECE = 64 << 10
const ZEROS = Buffer.alloc(PIECE)

/** A guest writes a few of its pages: finding them is cheaper than writing all. */
function clear({ bytes }: GuestMemory): void {
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(PIECE, bytes.length - at))
    if (!piece.equals(piece.length === PIECE ? ZEROS : ZEROS.subarray(0, piece.length))) piece.fill(0)
  }
}

/** New RAM of 64 MiB for each guest costs a run of the garbage collector each time: more than what the guest does in it. */
export function createMemories(): Memories {
  const free = new Map<number, GuestMemory[]>()
  return {
    take(bytes) {
      const memory = free.get(bytes)?.pop()
      if (memory === undefined) return guestMemory(bytes)
      clear(memory)
      return memory
    },
    giveBack(memory) {
      const others = free.get(memory.size) ?? []
      free.set(memory.size, [...others, memory])
    },
  }
}
