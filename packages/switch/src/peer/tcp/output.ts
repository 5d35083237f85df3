import { TICKS_PER_MS } from '@vmbus/world'
import { LIMIT, finish, isSynchronized, type Connection } from './control.ts'
import { FLAG } from './segment.ts'
import { seqAdd, seqDiff } from './sequence.ts'

/** Sends one segment of a connection; `length` payload bytes from stream position `position`. */
export type Emit = (connection: Connection, sequence: number, flags: number, position: number, length: number) => void

/** Stream position of a sequence number that we send: the first byte follows the SYN. */
const positionOf = ({ n, sending }: Connection, sequence: number): number =>
  sending.first + seqDiff(sequence, firstUnreleased({ n, sending }))
/** The sequence number of the first byte in the send buffer. */
const firstUnreleased = ({ n, sending }: Pick<Connection, 'n' | 'sending'>): number =>
  seqAdd(n.iss, (1 + sending.first) % 0x1_0000_0000)

export const endOfData = ({ n, sending }: Connection): number => seqAdd(firstUnreleased({ n, sending }), sending.length)
/** Releases what has been acknowledged up to `una`. */
export const releaseAcknowledged = (connection: Connection): void =>
  connection.sending.release(
    connection.sending.first + Math.max(0, seqDiff(connection.n.una, firstUnreleased(connection))),
  )

const startRetransmitTimer = ({ n }: Connection, now: number): void => {
  if (n.retransmitAt === Infinity) n.retransmitAt = now + n.rto
}

/** Sends SYN or SYN-ACK, first or again. */
export function sendSyn(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  n.nxt = n.max = seqAdd(n.iss, 1)
  if (n.retries === 0) {
    n.timedTo = n.nxt
    n.timedAt = now
  }
  startRetransmitTimer(connection, now)
  emit(connection, n.iss, n.state === 'syn-sent' ? FLAG.syn : FLAG.syn | FLAG.ack, 0, 0)
}

/** Sends everything that window, congestion and content allow; then an acknowledgment if one is still owed. */
export function sendWhatMay(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  if (!isSynchronized(n.state)) return
  const end = endOfData(connection)
  const finSequence = end
  for (;;) {
    const inFlight = seqDiff(n.nxt, n.una)
    const usable = Math.min(n.window, n.cwnd) - inFlight
    const unsent = Math.max(0, seqDiff(end, n.nxt))
    const length = Math.min(n.mss, usable, unsent)
    const finDue = n.finQueued && seqDiff(n.nxt, finSequence) <= 0
    if (length <= 0) {
      // A lone FIN needs no window: it carries no data.
      if (unsent === 0 && finDue && canSendFin(connection)) sendPiece(connection, 0, true, now, emit)
      break
    }
    // Silly window avoidance (RFC 9293, 3.8.6.2.1): a small piece only if it is the last, or half of the largest window.
    if (length < n.mss && length < unsent && inFlight > 0 && length < n.largestWindow / 2) break
    sendPiece(connection, length, finDue && length === unsent && canSendFin(connection), now, emit)
  }
  const idle = seqDiff(n.nxt, n.una) === 0
  if (idle && seqDiff(end, n.nxt) > 0) {
    if (n.persistAt === Infinity) n.persistAt = now + n.rto
  } else n.persistAt = Infinity
  if (n.ackNow) sendAck(connection, emit)
}

const canSendFin = ({ n }: Connection): boolean => n.state !== 'time-wait' && n.state !== 'fin-wait-2'

function sendPiece(connection: Connection, length: number, fin: boolean, now: number, emit: Emit): void {
  const { n } = connection
  const sequence = n.nxt
  const position = positionOf(connection, sequence)
  const last = seqDiff(endOfData(connection), seqAdd(sequence, length)) === 0
  n.nxt = seqAdd(sequence, length + (fin ? 1 : 0))
  if (seqDiff(n.nxt, n.max) > 0) {
    n.max = n.nxt
    if (n.timedTo < 0) {
      n.timedTo = n.nxt
      n.timedAt = now
    }
  }
  if (fin) {
    if (n.state === 'established' || n.state === 'syn-received') n.state = 'fin-wait-1'
    else if (n.state === 'close-wait') n.state = 'last-ack'
  }
  startRetransmitTimer(connection, now)
  emit(connection, sequence, FLAG.ack | (last && length > 0 ? FLAG.psh : 0) | (fin ? FLAG.fin : 0), position, length)
}

export function sendAck(connection: Connection, emit: Emit): void {
  emit(connection, emptySequence(connection), FLAG.ack, 0, 0)
}

/**
 * The sequence number of a segment without content: what follows all that was ever sent, for the other end may have it
 * all and would refuse an older one with the acknowledgment in it; but not beyond the window, which is refused too.
 */
export function emptySequence({ n }: Connection): number {
  const edge = seqAdd(n.una, n.window)
  return seqDiff(n.max, edge) > 0 ? edge : n.max
}

/** Least time between answers to segments that cannot be right, so that two confused ends do not answer each other for ever (as Linux, tcp_invalid_ratelimit). */
const CHALLENGE_EVERY = 500 * TICKS_PER_MS

export function challenge(connection: Connection, now: number, emit: Emit): void {
  if (now - connection.n.challengedAt < CHALLENGE_EVERY) return
  connection.n.challengedAt = now
  sendAck(connection, emit)
}

/** Sends the first unacknowledged segment again, without moving `nxt` (fast retransmit, RFC 5681, 3.2). */
export function resendFirst(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  const nxt = n.nxt
  const length = Math.min(n.mss, Math.max(0, seqDiff(endOfData(connection), n.una)))
  const fin =
    n.finQueued &&
    seqDiff(n.max, seqAdd(n.una, length)) > 0 &&
    seqDiff(endOfData(connection), seqAdd(n.una, length)) === 0
  n.timedTo = -1 // Karn: a segment sent twice times nothing
  n.nxt = n.una
  sendPiece(connection, length, fin, now, emit)
  n.nxt = nxt
}

/** The retransmission timer (RFC 6298, 5.4–5.7): goes back to the first unacknowledged byte. */
export function retransmit(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  const opening = n.state === 'syn-sent' || n.state === 'syn-received'
  if (n.retries >= (opening ? LIMIT.synRetries : LIMIT.retries)) {
    if (!opening) emit(connection, emptySequence(connection), FLAG.rst | FLAG.ack, 0, 0)
    finish(n, 'timed-out')
    return
  }
  n.retries++
  n.rto = Math.min(n.rto * 2, LIMIT.mostRto)
  n.timedTo = -1
  n.retransmitAt = now + n.rto
  if (opening) {
    sendSyn(connection, now, emit)
    return
  }
  if (n.retries === 1) n.ssthresh = Math.max(seqDiff(n.max, n.una) >> 1, 2 * n.mss)
  n.cwnd = n.mss
  n.recovering = false
  n.recover = n.max
  n.duplicateAcks = 0
  // Should the other end have taken its window back, the first segment goes regardless.
  if (n.window < n.mss) resendFirst(connection, now, emit)
  else n.nxt = n.una
  sendWhatMay(connection, now, emit)
}

/** The persist timer: one byte beyond a closed window asks for news of it (RFC 9293, 3.8.6.1). */
export function probe(connection: Connection, now: number, emit: Emit): void {
  const { n } = connection
  if (n.retries >= LIMIT.retries) {
    emit(connection, emptySequence(connection), FLAG.rst | FLAG.ack, 0, 0)
    finish(n, 'timed-out')
    return
  }
  n.retries++
  n.rto = Math.min(n.rto * 2, LIMIT.mostRto)
  n.persistAt = now + n.rto
  emit(connection, n.nxt, FLAG.ack, positionOf(connection, n.nxt), 1)
  if (seqDiff(seqAdd(n.nxt, 1), n.max) > 0) n.max = seqAdd(n.nxt, 1)
}
