import { PacketType } from '@vmbus/core'
import type { FieldValue } from './variable.ts'

/** Pages that packets lend to the host until they are completed. */
export interface Loans {
  /** The name of a page while it is lent by `packet`: that of its loan, or of one that still runs. */
  name(page: FieldValue, packet: Uint8Array): number
  /** A completion to the guest ends the loans of the packet that it answers. */
  see(packet: Uint8Array): void
}

const idOf = (packet: Uint8Array): bigint =>
  packet.length < 16 ? 0n : new DataView(packet.buffer, packet.byteOffset, packet.length).getBigUint64(8, true)

/**
 * Names loans in their order. Which page an allocator gives once the last loan of it is over says nothing: the same again,
 * or any other.
 */
export function loans(): Loans {
  const names = new Map<FieldValue, number>()
  const lent = new Map<bigint, FieldValue[]>()
  let count = 0
  return {
    name(page, packet) {
      const known = names.get(page)
      if (known !== undefined) return known
      names.set(page, ++count)
      const id = idOf(packet)
      lent.set(id, [...(lent.get(id) ?? []), page])
      return count
    },
    see(packet) {
      if (packet.length < 16 || packet[0] !== PacketType.completion) return
      const id = idOf(packet)
      for (const page of lent.get(id) ?? []) names.delete(page)
      lent.delete(id)
    },
  }
}
