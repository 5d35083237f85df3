import { RxChecksum } from '../protocol/ppi.ts'
import type { Polled } from './context.ts'
import { segmentsJoined, tcpSegment, type TcpSegment } from './tcp-segment.ts'

/** hw.hn.lro_entry_count. */
const MOST_FLOWS = 128
const CHECKED = RxChecksum.tcpSucceeded | RxChecksum.ipSucceeded

interface Flow {
  readonly segments: TcpSegment[]
  /** As the IP header will say it. */
  length: number
  next: number
}

/** Where the packet of one flow ends: limits are of its length in the IP header. */
export interface JoinLimits {
  readonly most: number
  readonly mtu: number
}

/**
 * The frames of one poll with the TCP segments that follow each other as one (FreeBSD sys/netinet/tcp_lro.c, tcp_lro_rx, as
 * if_hn.c's hn_rxpkt uses it). What cannot be joined goes first; what was joined comes at the poll's end, the newest flow first
 * (hn_chan_rollup). An acknowledgement alone ends its packet (lro_ackcnt_lim, 1).
 */
export function joinedFrames(frames: readonly Polled[], limits: JoinLimits): Polled[] {
  const flows = new Map<string, Flow>()
  const given: Polled[] = []
  const end = (key: string): void => {
    const flow = flows.get(key)
    if (flow === undefined) return
    flows.delete(key)
    given.push(segmentsJoined(flow.segments, flow.length))
  }
  for (const frame of frames) {
    const segment = isLooked(frame) ? tcpSegment(frame) : undefined
    if (segment === undefined || segment.isSyn || !takes(flows, segment, limits, end)) given.push(frame)
  }
  for (const key of [...flows.keys()].toReversed()) end(key)
  return given
}

/** The host found TCP and IP checksums right, or says nothing of an IPv4 frame: then its own check is trusted (hw.hn.trust_hosttcp). */
const isLooked = ({ checksum, bytes }: Polled): boolean =>
  checksum === 0 ? bytes[12] === 0x08 && bytes[13] === 0 : (checksum & CHECKED) === CHECKED

/** False where the segment is to be given as it is. */
function takes(flows: Map<string, Flow>, segment: TcpSegment, limits: JoinLimits, end: (key: string) => void): boolean {
  const { flow: key, isPlain, sequence, payload } = segment
  const bytes = segment.end - payload
  const flow = flows.get(key)
  const last = flow?.segments.at(-1)
  if (!isPlain) {
    end(key)
    return false
  }
  if (flow === undefined || last === undefined || flow.length > limits.most - bytes) {
    end(key)
    return begins(flows, segment)
  }
  if (sequence !== flow.next || (bytes === 0 && last.acknowledged === segment.acknowledged)) {
    end(key)
    return false
  }
  if (isStale(segment, last)) return false
  flow.segments.push(segment)
  flow.length += bytes
  flow.next = (flow.next + bytes) >>> 0
  if (bytes === 0 || flow.length > limits.most - limits.mtu) end(key)
  return true
}

/** Timestamps may not go back, and one that nothing answers to is none. */
const isStale = ({ timestamps }: TcpSegment, last: TcpSegment): boolean =>
  timestamps !== undefined && ((last.timestamps?.value ?? 0) > timestamps.value || timestamps.echo === 0)

function begins(flows: Map<string, Flow>, segment: TcpSegment): boolean {
  if (flows.size >= MOST_FLOWS) return false
  const next = (segment.sequence + segment.end - segment.payload) >>> 0
  flows.set(segment.flow, { segments: [segment], length: segment.length, next })
  return true
}
