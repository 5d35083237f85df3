import { LIMIT, finish, isSynchronized, type Connection } from './control.ts'
import { challenge, endOfData, releaseAcknowledged, resendFirst, sendAck, sendSyn, type Emit } from './output.ts'
import { FLAG, type Segment } from './segment.ts'
import { seqAdd, seqDiff } from './sequence.ts'

/** Bytes that go to the owner straight from the frame; valid during the call. */
export type Direct = Uint8Array | undefined

/** Sequence number that we expect next. */
export const receiveNext = ({ n, receiving }: Connection): number =>
  seqAdd(n.irs, (1 + receiving.next + (n.finReached ? 1 : 0)) % 0x1_0000_0000)

/** A segment for a connection in SYN-SENT (RFC 9293, 3.10.7.3). Returns whether to answer with a reset. */
export function openBySegment(connection: Connection, segment: Segment, now: number, emit: Emit): 'reset' | 'done' {
  const { n } = connection
  const acknowledges = (segment.flags & FLAG.ack) !== 0
  if (acknowledges && segment.acknowledgment !== n.nxt) return segment.flags & FLAG.rst ? 'done' : 'reset'
  if (segment.flags & FLAG.rst) {
    if (acknowledges) finish(n, 'refused')
    return 'done'
  }
  if (!(segment.flags & FLAG.syn)) return 'done'
  takeSyn(connection, segment)
  if (acknowledges) {
    establish(connection, segment, now)
    n.ackNow = true
  } else {
    // Both ends opened at once.
    n.state = 'syn-received'
    sendSyn(connection, now, emit)
  }
  return 'done'
}

/** Learns from the other end's SYN: its first sequence number and its options. */
export function takeSyn({ n }: Connection, segment: Segment): void {
  n.irs = segment.sequence
  n.mss = Math.max(LIMIT.leastMss, Math.min(n.mss, segment.mss ?? 536)) // 536: RFC 9293, 3.7.1
  n.cwnd = n.mss * LIMIT.initialWindow
  if (segment.windowScale === undefined) n.receiveShift = 0
  else if (n.receiveShift > 0) n.sendShift = segment.windowScale // only if both ends scale
  n.window = n.largestWindow = segment.window // a SYN's window is not scaled
  n.wl1 = segment.sequence
  n.wl2 = segment.acknowledgment
}

function establish(connection: Connection, segment: Segment, now: number): void {
  const { n } = connection
  n.state = 'established'
  n.una = segment.acknowledgment
  if (n.timedTo >= 0) sampleRoundTrip(connection, now - n.timedAt)
  n.timedTo = -1
  n.retries = 0
  n.retransmitAt = Infinity
  if (seqDiff(n.nxt, n.una) > 0) n.retransmitAt = now + n.rto
}

/** A segment for a connection in any other state (RFC 9293, 3.10.7.4). Returns bytes for the owner. */
export function takeSegment(connection: Connection, segment: Segment, now: number, emit: Emit): Direct {
  const { n, receiving } = connection
  if (!isAcceptable(connection, segment)) {
    if (segment.payload.length > 0) sendAck(connection, emit)
    else if (!(segment.flags & FLAG.rst)) challenge(connection, now, emit)
    if (n.state === 'time-wait' && segment.flags & FLAG.fin) n.lingerAt = now + LIMIT.timeWait
    return undefined
  }
  if (segment.flags & FLAG.rst) {
    // RFC 5961, 3.2: only the exact next number resets; others in the window are asked to prove themselves.
    if (segment.sequence !== receiveNext(connection)) challenge(connection, now, emit)
    else finish(n, n.state === 'syn-received' ? 'refused' : 'reset')
    return undefined
  }
  const syn = (segment.flags & FLAG.syn) !== 0
  const acknowledges = (segment.flags & FLAG.ack) !== 0
  if (syn && !(n.state === 'syn-received' && segment.sequence === n.irs)) {
    challenge(connection, now, emit) // RFC 5961, 4.2
    return undefined
  }
  if (syn && !acknowledges) sendSyn(connection, now, emit) // our SYN-ACK was lost
  if (!acknowledges) return undefined
  if (n.state === 'syn-received') {
    if (segment.acknowledgment !== seqAdd(n.iss, 1)) {
      emit(connection, segment.acknowledgment, FLAG.rst, 0, 0)
      return undefined
    }
    establish(connection, segment, now)
    // With a SYN both ends opened at once (RFC 9293, figure 7); its window is not scaled.
    n.window = n.largestWindow = segment.window << (syn ? 0 : n.sendShift)
    if (syn) {
      n.ackNow = segment.payload.length > 0
      return undefined
    }
  }
  takeAcknowledgment(connection, segment, now, emit)
  if (!isSynchronized(n.state)) return undefined
  const direct = segment.payload.length > 0 ? takeData(connection, segment, now) : undefined
  const finPosition = streamPosition(connection, segment) + segment.payload.length
  if (segment.flags & FLAG.fin && n.finAt < 0) n.finAt = finPosition
  if (n.finAt >= 0 && !n.finReached && receiving.next >= n.finAt) takeFin(connection, now)
  return direct
}

/** The stream position of a segment's first byte: near what is expected, as sequence numbers wrap. */
const streamPosition = (connection: Connection, segment: Segment): number => {
  const { n, receiving } = connection
  return receiving.next + seqDiff(segment.sequence, seqAdd(n.irs, (1 + receiving.next) % 0x1_0000_0000))
}

/** RFC 9293, 3.4: some of the segment lies in the window. */
function isAcceptable(connection: Connection, segment: Segment): boolean {
  const { n, receiving } = connection
  const length = segment.payload.length + (segment.flags & FLAG.syn ? 1 : 0) + (segment.flags & FLAG.fin ? 1 : 0)
  const offset = seqDiff(segment.sequence, receiveNext(connection))
  const window = Math.max(0, n.advertised - receiving.next)
  if (n.state === 'syn-received' && segment.flags & FLAG.syn && segment.sequence === n.irs) return true
  if (length === 0) return offset >= 0 && offset <= window
  // A closed window still lets acknowledgments and resets in, which probes carry.
  if (window === 0) return offset === 0 && segment.payload.length === 0
  return offset < window && offset + length > 0
}

function takeAcknowledgment(connection: Connection, segment: Segment, now: number, emit: Emit): void {
  const { n } = connection
  const ack = segment.acknowledgment
  const advance = seqDiff(ack, n.una)
  if (seqDiff(ack, n.max) > 0) {
    challenge(connection, now, emit) // for something never sent
    return
  }
  const window = segment.window << n.sendShift
  if (advance > 0) newlyAcknowledged(connection, ack, advance, now, emit)
  else if (
    advance === 0 &&
    segment.payload.length === 0 &&
    window === n.window &&
    n.persistAt === Infinity &&
    seqDiff(n.max, n.una) > 0 &&
    !(segment.flags & FLAG.fin)
  ) {
    duplicateAcknowledgment(connection, now, emit)
  }
  if (
    advance >= 0 &&
    (seqDiff(segment.sequence, n.wl1) > 0 || (segment.sequence === n.wl1 && seqDiff(ack, n.wl2) >= 0))
  ) {
    n.window = window
    n.largestWindow = Math.max(n.largestWindow, window)
    n.wl1 = segment.sequence
    n.wl2 = ack
    if (window > 0 && n.persistAt < Infinity) {
      n.persistAt = Infinity
      n.retries = 0
    }
  }
  // An end that answers probes is alive, however long its window stays closed.
  if (n.persistAt < Infinity) n.retries = 0
}

function newlyAcknowledged(connection: Connection, ack: number, advance: number, now: number, emit: Emit): void {
  const { n } = connection
  n.una = ack
  if (seqDiff(n.nxt, ack) < 0) n.nxt = ack
  releaseAcknowledged(connection)
  if (n.timedTo >= 0 && seqDiff(ack, n.timedTo) >= 0) {
    sampleRoundTrip(connection, now - n.timedAt)
    n.timedTo = -1
  }
  n.retries = 0
  if (n.srtt >= 0) n.rto = rtoOf(n.srtt, n.rttvar)
  n.retransmitAt = seqDiff(n.max, n.una) > 0 ? now + n.rto : Infinity
  n.duplicateAcks = 0
  if (n.recovering && seqDiff(ack, n.recover) < 0) {
    // A partial acknowledgment: the next hole is known to be lost as well (RFC 6582, 3.2).
    resendFirst(connection, now, emit)
    n.cwnd = Math.max(n.mss, n.cwnd - advance + n.mss)
  } else if (n.recovering) {
    n.recovering = false
    n.cwnd = n.ssthresh
  } else
    n.cwnd += n.cwnd < n.ssthresh ? Math.min(advance, 2 * n.mss) : Math.max(1, Math.floor((n.mss * n.mss) / n.cwnd))
  const allAcknowledged = n.finQueued && ack === seqAdd(endOfData(connection), 1)
  if (!allAcknowledged) return
  if (n.state === 'fin-wait-1') {
    n.state = 'fin-wait-2'
    n.lingerAt = now + LIMIT.finWait2
  } else if (n.state === 'closing') linger(connection, now)
  else if (n.state === 'last-ack') finish(n, 'closed')
}

function duplicateAcknowledgment(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  n.duplicateAcks++
  if (n.recovering) {
    n.cwnd = Math.min(n.cwnd + n.mss, 0x4000_0000)
  } else if (n.duplicateAcks === 3 && seqDiff(n.una, n.recover) >= 0) {
    n.ssthresh = Math.max(seqDiff(n.max, n.una) >> 1, 2 * n.mss)
    n.cwnd = n.ssthresh + 3 * n.mss
    n.recovering = true
    n.recover = n.max
    resendFirst(connection, now, emit)
  }
}

/** RFC 6298, 2.2 and 2.3. */
function sampleRoundTrip({ n }: Connection, sample: number): void {
  if (n.srtt < 0) {
    n.srtt = sample
    n.rttvar = sample / 2
  } else {
    n.rttvar += (Math.abs(n.srtt - sample) - n.rttvar) / 4
    n.srtt += (sample - n.srtt) / 8
  }
  n.rto = rtoOf(n.srtt, n.rttvar)
}

const rtoOf = (srtt: number, rttvar: number): number =>
  Math.min(LIMIT.mostRto, Math.max(LIMIT.leastRto, Math.ceil(srtt + 4 * rttvar)))

function takeData(connection: Connection, segment: Segment, now: number): Direct {
  const { n, receiving } = connection
  if (n.finReached || n.state === 'time-wait') {
    n.ackNow = true
    return undefined
  }
  const position = streamPosition(connection, segment)
  const before = receiving.next
  const { payload } = segment
  const limit = n.finAt >= 0 ? Math.min(n.advertised, n.finAt) : n.advertised
  const fresh = payload.subarray(Math.max(0, before - position), Math.max(0, limit - position))
  let direct: Direct
  if (
    position <= before &&
    fresh.length > 0 &&
    n.openedTold &&
    !n.paused &&
    !receiving.hasGaps &&
    receiving.read === before
  ) {
    receiving.skip(fresh.length)
    direct = fresh
  } else if (fresh.length > 0) receiving.insert(Math.max(position, before), fresh)
  n.unacknowledgedSegments++
  const inOrder = position === before && direct !== undefined && fresh.length === payload.length
  if (!inOrder || n.unacknowledgedSegments >= 2) n.ackNow = true
  else if (n.ackAt === Infinity) n.ackAt = now + LIMIT.delayedAck
  if (n.state === 'fin-wait-2') n.lingerAt = now + LIMIT.finWait2
  return direct
}

function takeFin(connection: Connection, now: number): void {
  const { n } = connection
  n.finReached = true
  n.ackNow = true
  if (n.state === 'established') n.state = 'close-wait'
  else if (n.state === 'fin-wait-1') n.state = 'closing'
  else if (n.state === 'fin-wait-2') linger(connection, now)
}

function linger(connection: Connection, now: number): void {
  const { n } = connection
  n.state = 'time-wait'
  n.reason = 'closed'
  n.retransmitAt = n.persistAt = Infinity
  n.lingerAt = now + LIMIT.timeWait
}
