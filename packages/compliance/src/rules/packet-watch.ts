import { PacketType } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'
import type { BusWatch, Judge } from './bus-state.ts'

/** The descriptor before each packet's payload, in bytes; its fields are wire/03 §3. */
const DESCRIPTOR = 16
const COMPLETION_REQUESTED = 1

export interface PacketWatch {
  see(event: TraceEvent): void
  /** Packets that asked for a completion on channels still open. */
  readonly uncompleted: number
}

/** Follows completions of every channel. */
export function packetWatch(bus: BusWatch, { exercised, broken }: Judge): PacketWatch {
  /** Direction and relid → transaction ids that wait. */
  const waiting = new Map<string, Map<bigint, number>>()

  const of = (key: string): Map<bigint, number> => {
    const found = waiting.get(key) ?? new Map<bigint, number>()
    waiting.set(key, found)
    return found
  }

  function completion(view: DataView, to: 'host' | 'guest', relid: number): void {
    const id = view.getBigUint64(8, true)
    const isCompletion = view.getUint16(0, true) === PacketType.completion
    if (isCompletion) {
      const rule = to === 'guest' ? 'host-completion-once' : 'guest-completion-once'
      const list = of(`${to === 'guest' ? 'host' : 'guest'} ${relid}`)
      const count = list.get(id) ?? 0
      exercised(rule)
      if (count === 0) broken(rule, `relid ${relid}: a completion of 0x${id.toString(16)}, which nobody waits for`)
      else if (count === 1) list.delete(id)
      else list.set(id, count - 1)
    } else if ((view.getUint16(6, true) & COMPLETION_REQUESTED) !== 0) {
      const list = of(`${to} ${relid}`)
      list.set(id, (list.get(id) ?? 0) + 1)
    }
  }

  return {
    get uncompleted() {
      let count = 0
      for (const [key, list] of waiting) if (bus.isOpen(Number(key.split(' ')[1]))) count += list.size
      return count
    },
    see(event) {
      // A channel that was closed or taken back completes nothing; its relid may be used again.
      if (event.kind === 'message')
        for (const key of waiting.keys()) if (!bus.isOpen(Number(key.split(' ')[1]))) waiting.delete(key)
      if (event.kind !== 'packet' || event.bytes.length < DESCRIPTOR) return
      const view = new DataView(event.bytes.buffer, event.bytes.byteOffset, event.bytes.length)
      completion(view, event.to, event.relid)
    },
  }
}
