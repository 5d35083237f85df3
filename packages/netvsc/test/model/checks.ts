import type { TraceEvent } from '@vmbus/world'
import type { World } from '../world.ts'

const COMPLETION = 11
/** NVSP types that the checks know (wire/04 §1). */
const INIT = 1
const INIT_COMPLETE = 2
const VF_ASSOCIATION = 128
const SEND_TABLE = 134
const SUCCESS = 1
/** 76, in eights as everything in a ring is. */
const TABLE_BYTES = 80

interface Packet {
  readonly to: 'host' | 'guest'
  readonly relid: number
  readonly type: number
  readonly asks: boolean
  readonly id: bigint
  /** The NVSP message. */
  readonly message: DataView
}

function* packets(trace: readonly TraceEvent[]): Generator<Packet> {
  for (const event of trace) {
    if (event.kind !== 'packet') continue
    const { bytes, to, relid } = event
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const at = Math.min(view.getUint16(2, true) * 8, bytes.length)
    yield {
      to,
      relid,
      type: view.getUint16(0, true),
      asks: (view.getUint16(6, true) & 1) !== 0,
      id: view.getBigUint64(8, true),
      message: new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at),
    }
  }
}

/** In each ring, every packet that asks for a completion has one, and there are no others. */
export function checkCompletions({ trace }: World): void {
  const waiting = new Set<string>()
  for (const { to, relid, type, asks, id } of packets(trace)) {
    if (type !== COMPLETION) {
      // An id may be asked for again once its first use ended by a close.
      if (asks) waiting.add(`${to} ${relid} ${id}`)
      continue
    }
    const from = `${to === 'host' ? 'guest' : 'host'} ${relid} ${id}`
    if (!waiting.delete(from)) throw new Error(`a completion of ${from}, which was not under way`)
  }
}

/** Messages that the driver did not send (their ids have a high word of 0x77) succeed if they are whole, and only then. */
export function checkAnswers({ trace }: World, expected: ReadonlyMap<number, boolean>): void {
  for (const { to, type, id, message } of packets(trace)) {
    if (to !== 'guest' || type !== COMPLETION || id >> 32n !== 0x77n) continue
    const whole = expected.get(Number(id & 0xffff_ffffn))
    const status = message.getUint32(4, true)
    if (whole !== undefined && whole !== (status === SUCCESS))
      throw new Error(`a message that is ${whole ? 'whole' : 'broken'} was answered with status ${status}`)
  }
}

/** Messages of the host are 32 bytes long, from NVSP 6.1 on 40, on every channel; its answer to INIT comes before either. */
export function checkSizes({ trace }: World, newest: number): void {
  for (const { to, message } of packets(trace)) {
    if (to !== 'guest' || message.byteLength === 0) continue
    const type = message.getUint32(0, true)
    const allowed = type === SEND_TABLE ? TABLE_BYTES : type !== INIT_COMPLETE && newest >= 0x6_0001 ? 40 : 32
    if (message.byteLength !== allowed)
      throw new Error(`message ${type} of the host has ${message.byteLength} bytes instead of ${allowed}`)
  }
}

/** A guest is told of one VF at a time, and what is taken away is what was given. */
export function checkVfPairs({ trace }: World): void {
  let serial = 0
  for (const { to, message } of packets(trace)) {
    if (message.byteLength < 12) continue
    const type = message.getUint32(0, true)
    if (to === 'host' && type === INIT) serial = 0
    if (to !== 'guest' || type !== VF_ASSOCIATION) continue
    const [allocated, told] = [message.getUint32(4, true), message.getUint32(8, true)]
    if (allocated === 0 ? told !== serial || serial === 0 : serial !== 0)
      throw new Error(`VF ${told} ${allocated === 0 ? 'goes' : 'comes'} while the guest has ${serial}`)
    serial = allocated === 0 ? 0 : told
  }
}

/** Nothing is under way: every section and page is free on both ends. */
export function checkIdle(world: World, sections: number, pages: number): void {
  const { underWay, sendSections } = world.driver.inspect()
  if (underWay !== 0) throw new Error(`${String(underWay)} packets of the guest are under way for ever`)
  if (world.driver.phase !== 'ready') return
  if (sendSections !== sections) throw new Error(`${String(sendSections)} of ${sections} send sections are free`)
  const free = (world.driver.save() as { pages: readonly number[] }).pages.length
  if (free !== pages) throw new Error(`${free} of ${pages} pages for large frames are free`)
  const { freeSections } = world.nic.inspect()
  // 64 pages in sub-allocations of 1808 bytes (256 + 1514 + 36, in eights), less the 16 for control.
  const total = Math.floor((64 * 4096) / 1808) - 16
  if (freeSections !== total) throw new Error(`${String(freeSections)} of ${total} receive sections are free`)
}
