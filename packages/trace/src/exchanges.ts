import { PacketType } from '@vmbus/core'
import type { Line, Normalised } from './normalise.ts'
import { rangesOf } from './variable.ts'

/** Packet flag: a completion is wanted. */
const COMPLETION_WANTED = 1

const viewOf = ({ bytes }: Line): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

/** A request with its answer, or a packet that nothing answers. */
function exchangesOf(lines: readonly Line[]): Line[][] {
  const exchanges: Line[][] = []
  const waiting = new Map<string, Line[]>()
  for (const line of lines) {
    const view = viewOf(line)
    const id = line.bytes.length < 16 ? '' : `${view.getBigUint64(8, true)}`
    const isAnswer = id !== '' && view.getUint16(0, true) === PacketType.completion
    const request = isAnswer ? waiting.get(`${line.to} ${id}`) : undefined
    if (request !== undefined) {
      request.push(line)
      waiting.delete(`${line.to} ${id}`)
      continue
    }
    const exchange = [line]
    exchanges.push(exchange)
    if (id !== '' && !isAnswer && (view.getUint16(6, true) & COMPLETION_WANTED) !== 0)
      waiting.set(`${line.to === 'host' ? 'guest' : 'host'} ${id}`, exchange)
  }
  return exchanges
}

/** Names the ids and pages of one exchange by themselves. */
function renamed(exchange: readonly Line[]): Line[] {
  const pages = new Map<bigint, bigint>()
  return exchange.map((line) => {
    const copy = { ...line, bytes: line.bytes.slice() }
    const view = viewOf(copy)
    if (copy.bytes.length >= 16 && view.getBigUint64(8, true) !== 0n) view.setBigUint64(8, 1n, true)
    for (const { offset } of rangesOf(copy.bytes)) {
      const page = view.getBigUint64(offset, true)
      const name = pages.get(page) ?? BigInt(pages.size + 1)
      pages.set(page, name)
      view.setBigUint64(offset, name, true)
    }
    return copy
  })
}

/**
 * A normalised transcript with each channel's packets by exchange: a request, then its answer. Transaction ids and page
 * frame numbers mean something within one exchange only, so that which tag or page an operating system reuses, and
 * whether two requests were under way at once, make no difference; the order of the requests does.
 */
export const byExchange = (transcript: Normalised): Normalised => ({
  control: transcript.control,
  channels: Object.fromEntries(
    Object.entries(transcript.channels).map(([name, lines]) => [name, exchangesOf(lines).flatMap(renamed)]),
  ),
})
