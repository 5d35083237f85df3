import type { Packet } from '@vmbus/core'
import type { Random } from '../random.ts'
import { copyPacket, type PacketCopy } from './mutate-packet.ts'

/** Copies of packets that were received, at most six of each sort: a rare packet is drawn as often as a frequent one. */
export interface PacketCorpus {
  keep(choose: Random, packet: Packet): void
  take(choose: Random): PacketCopy | undefined
}

const SORTS = 256
const OF_EACH = 6
/** Offsets of a message's type: 0 (NVSP, VStor), and behind the pipe's header 12 and 28 (integration components). */
const TYPE_AT = [0, 12, 28]

export function packetCorpus(): PacketCorpus {
  const places = new Map<string, number>()
  const all: PacketCopy[][] = []
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
        all.push([copyPacket(packet)])
      } else if (kept.length < OF_EACH) kept.push(copyPacket(packet))
      else if (choose.chance(10)) kept[choose.below(OF_EACH)] = copyPacket(packet)
    },
    take: (choose) => choose.any(choose.any(all) ?? []),
  }
}
