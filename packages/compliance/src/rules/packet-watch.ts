import { PacketType } from '@vmbus/core'
import { At, IcFlags, IcType, PIPE_DATA, PIPE_MODE_FLAG } from '@vmbus/ic'
import type { TraceEvent } from '@vmbus/world'
import type { BusWatch, Judge } from './bus-state.ts'

/** The descriptor before each packet's payload, in bytes; its fields are wire/03 §3. */
const DESCRIPTOR = 16
const COMPLETION_REQUESTED = 1
/** Guests may sleep, but a component answers within seconds (Linux drivers/hv/hv_util.c answers in its callback). */
const ANSWER_TICKS = 60 * 10_000_000

export interface PacketWatch {
  see(event: TraceEvent, now: number): void
  settled(now: number): void
  /** Packets that asked for a completion on channels still open. */
  readonly uncompleted: number
}

interface Request {
  readonly at: number
  readonly offered: readonly (readonly number[])[]
}

/** Version words (major u16, minor u16) that a negotiation names, framework and message ones; none when it is cut. */
function versionsOf(view: DataView, payload: number): readonly (readonly number[])[] {
  const body = payload + At.body
  if (view.byteLength < body + 8) return []
  const counts = [view.getUint16(body, true), view.getUint16(body + 2, true)]
  const lists: number[][] = [[], []]
  let at = body + 8
  for (const [kind, count] of counts.entries()) {
    for (let i = 0; i < count && at + 4 <= view.byteLength; i++, at += 4) lists[kind]?.push(view.getUint32(at, true))
  }
  return lists
}

/** Follows completions of every channel, and the requests of integration components. */
export function packetWatch(bus: BusWatch, { exercised, broken }: Judge): PacketWatch {
  /** Direction and relid → transaction ids that wait. */
  const waiting = new Map<string, Map<bigint, number>>()
  const requests = new Map<string, Request>()

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

  function component(view: DataView, to: 'host' | 'guest', relid: number, now: number): void {
    const payload = view.getUint16(2, true) * 8
    if (payload < DESCRIPTOR || view.byteLength < payload + At.body || view.getUint32(payload, true) !== PIPE_DATA)
      return
    const flags = view.getUint8(payload + At.flags)
    const isNegotiation = view.getUint16(payload + At.type, true) === IcType.negotiate
    const key = `${relid} ${view.getUint8(payload + At.transaction)}`
    if (to === 'guest' && (flags & IcFlags.request) !== 0) {
      requests.set(key, { at: now, offered: isNegotiation ? versionsOf(view, payload) : [] })
      return
    }
    if (to !== 'host' || (flags & IcFlags.response) === 0) return
    exercised('guest-ic-answer')
    const request = requests.get(key)
    if (request === undefined) return broken('guest-ic-answer', `relid ${relid}: an answer that nobody waits for`)
    requests.delete(key)
    if (!isNegotiation) return
    exercised('guest-ic-versions')
    for (const [kind, chosen] of versionsOf(view, payload).entries()) {
      if (chosen.length > 1 || chosen.some((version) => !request.offered[kind]?.includes(version)))
        broken(
          'guest-ic-versions',
          `relid ${relid}: ${kind === 0 ? 'framework' : 'message'} versions ${chosen.map((each) => `${each & 0xffff}.${each >>> 16}`).join(', ')}`,
        )
    }
  }

  return {
    get uncompleted() {
      let count = 0
      for (const [key, list] of waiting) if (bus.isOpen(Number(key.split(' ')[1]))) count += list.size
      return count
    },
    see(event, now) {
      if (event.kind === 'message') {
        // A channel that was closed or taken back owes nothing; its relid may come back.
        for (const key of waiting.keys()) if (!bus.isOpen(Number(key.split(' ')[1]))) waiting.delete(key)
        for (const key of requests.keys()) if (!bus.isOpen(Number(key.split(' ')[0]))) requests.delete(key)
      }
      if (event.kind !== 'packet' || event.bytes.length < DESCRIPTOR) return
      const view = new DataView(event.bytes.buffer, event.bytes.byteOffset, event.bytes.length)
      completion(view, event.to, event.relid)
      if ((bus.flagsOf(event.relid) & PIPE_MODE_FLAG) !== 0) component(view, event.to, event.relid, now)
    },
    settled(now) {
      for (const [key, { at }] of requests)
        if (now - at > ANSWER_TICKS)
          broken('guest-ic-answer', `relid ${key.split(' ')[0]}: no answer in ${(now - at) / 1e7} s`)
    },
  }
}
