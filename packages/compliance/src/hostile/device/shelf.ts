import type { Packet } from '@vmbus/core'
import type { Random } from '../random.ts'
import { loose, type LoosePacket } from './damage.ts'

/** Packets that were heard, a few of each sort, so that what is said once in a life is as ready as what is said always. */
export interface Shelf {
  keep(choose: Random, packet: Packet): void
  take(choose: Random): LoosePacket | undefined
}

const SORTS = 256
const OF_EACH = 6
/** Where the type of a message stands: at the start, or behind the pipe's header in an integration component's. */
const TYPE_AT = [0, 12, 28]

export function shelf(): Shelf {
  const places = new Map<string, number>()
  const all: LoosePacket[][] = []
  return {
    keep(choose, packet) {
      const { bytes, payloadOffset, payloadLength } = packet
      const sort = [
        packet.type,
        payloadLength,
        ...TYPE_AT.map((at) => (at < payloadLength ? bytes[payloadOffset + at] : -1)),
      ]
      const key = sort.join('/')
      const place = places.get(key)
      const kept = place === undefined ? undefined : all[place]
      if (kept === undefined) {
        if (all.length >= SORTS) return
        places.set(key, all.length)
        all.push([loose(packet)])
      } else if (kept.length < OF_EACH) kept.push(loose(packet))
      else if (choose.chance(10)) kept[choose.below(OF_EACH)] = loose(packet)
    },
    take: (choose) => choose.any(choose.any(all) ?? []),
  }
}
