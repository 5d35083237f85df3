import type { Frame } from '@vmbus/switch'
import { DEFAULT_RSS_KEY } from '../../src/protocol/index.ts'
import { toeplitzOf } from './frames.ts'
import type { Model } from './state.ts'

const [HASH_IPV4, HASH_TCP_IPV4] = [0x100, 0x200]
const ETHERNET_FRAME = 1514

/** Judges what has come since the last look. */
export function look(model: Model): void {
  const { world } = model
  for (; model.arrived < world.out.length; model.arrived++) {
    const { bytes, vlan } = world.out[model.arrived] as Frame
    strangely(model, () => {
      const { sent } = model.out.come(bytes, vlan)
      inOrder(model, `out ${sent.queue}`, sent.queue < 0 ? Infinity : sent.number)
    })
  }
  for (; model.seen < world.seen.length; model.seen++) {
    const seen = world.seen[model.seen] as (typeof world.seen)[number]
    strangely(model, () => {
      const { sent, tuple } = model.in.come(seen.bytes, seen.vlan)
      if (!sent.wanted) throw new Error(`frame ${sent.number} came through filter ${model.filter}`)
      if (seen.fragments > 1 && !model.coalesces) throw new Error('coalesced for a guest that does not want it')
      if (seen.fragments === 1 && seen.bytes.length > ETHERNET_FRAME) throw new Error('longer than the MTU')
      if (seen.checksum & 7) throw new Error(`frame ${sent.number} has checksum verdict ${seen.checksum}`)
      const hash = hashOf(model, tuple)
      const queue = hash < 0 ? 0 : (hash % 128) % model.queues
      if (seen.hash !== hash || seen.queue !== queue)
        throw new Error(`hash ${seen.hash} on queue ${seen.queue} instead of ${hash} on ${queue}`)
      inOrder(model, `in ${queue}`, sent.number)
    })
  }
}

/** Damaged bytes may make a frame that nobody sent, each time one at most. */
function strangely(model: Model, judge: () => void): void {
  try {
    judge()
  } catch (error) {
    if (model.strange-- <= 0) throw error
  }
}

function inOrder(model: Model, queue: string, number: number): void {
  if (number === Infinity) return
  if ((model.last.get(queue) ?? 0) > number) throw new Error(`frame ${number} came too late on ${queue}`)
  model.last.set(queue, number)
}

/** -1 for what is not hashed. */
function hashOf({ queues, hashTypes }: Model, tuple: Uint8Array | undefined): number {
  if (queues < 2 || tuple === undefined) return -1
  if (hashTypes & HASH_TCP_IPV4) return toeplitzOf(DEFAULT_RSS_KEY, tuple)
  return hashTypes & HASH_IPV4 ? toeplitzOf(DEFAULT_RSS_KEY, tuple.subarray(0, 8)) : -1
}
