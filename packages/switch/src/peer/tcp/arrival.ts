import type { Received } from '../parsed.ts'
import { add, arm, create, endsKey, settle, type Connections } from './connections.ts'
import { finish } from './control.ts'
import { refuse } from './emit.ts'
import { openBySegment, receiveNext, takeSegment, takeSyn } from './input.ts'
import type { Entry } from './notify-owner.ts'
import { sendSyn } from './output.ts'
import { FLAG, parseSegment, type Segment } from './segment.ts'
import { seqDiff } from './sequence.ts'
import type { TcpHandlers } from './socket.ts'

/** Connections that have not answered our SYN-ACK, of all listeners. */
const MOST_HALF_OPEN = 128

/** What segments arrive at. */
export interface Arrivals extends Connections {
  readonly listeners: Map<number, TcpHandlers>
}

/** A segment for this peer. */
export function receive(ctx: Arrivals, received: Received): void {
  const segment = parseSegment(received)
  if (segment === undefined) return
  const local = { address: received.destination, port: segment.destinationPort }
  const remote = { address: received.source, port: segment.sourcePort }
  const entry = ctx.byEnds.get(endsKey(local, remote))
  if (entry !== undefined && entry.connection.n.state === 'closed') settle(ctx, entry)
  if (entry === undefined || entry.connection.n.state === 'closed') accept(ctx, received, segment)
  else arriveAt(ctx, entry, received, segment)
}

function arriveAt(ctx: Arrivals, entry: Entry, received: Received, segment: Segment): void {
  const { deps, emit } = ctx
  const { connection } = entry
  const { n } = connection
  // SYN with FIN is dropped whole: a connection does not begin and end in one segment.
  if (segment.flags & FLAG.syn && segment.flags & FLAG.fin) return
  const opensAgain = n.state === 'time-wait' && (segment.flags & (FLAG.syn | FLAG.ack | FLAG.rst)) === FLAG.syn
  if (opensAgain && seqDiff(segment.sequence, receiveNext(connection)) > 0) {
    // A new connection of the same ends closes the old one (RFC 9293, 3.6.1).
    finish(n, 'closed')
    settle(ctx, entry)
    accept(ctx, received, segment)
    return
  }
  if (n.state !== 'syn-sent') return settle(ctx, entry, takeSegment(connection, segment, deps.clock.now(), emit))
  if (openBySegment(connection, segment, deps.clock.now(), emit) === 'reset') refuse(deps, received, segment)
  settle(ctx, entry)
}

/** A segment of no connection: opens one of a listener, or is refused. */
function accept(ctx: Arrivals, received: Received, segment: Segment): void {
  const { deps, byId, listeners, emit } = ctx
  const handlers = listeners.get(segment.destinationPort)
  if (handlers === undefined || segment.flags & FLAG.ack) return refuse(deps, received, segment)
  // RFC 9293, 3.10.7.2: a reset is ignored, what has neither SYN nor ACK is dropped. SYN with FIN as well, as Linux does.
  if ((segment.flags & (FLAG.syn | FLAG.rst | FLAG.fin)) !== FLAG.syn) return
  let halfOpen = 0
  for (const { connection } of byId.values()) if (connection.n.state === 'syn-received') halfOpen++
  if (halfOpen >= MOST_HALF_OPEN || byId.size >= deps.mostSockets) return // it will ask again
  const local = { address: received.destination.slice(), port: segment.destinationPort }
  const remote = { address: received.source.slice(), port: segment.sourcePort }
  const connection = create(ctx, local, remote, 'syn-received')
  const entry = add(ctx, connection, () => handlers)
  takeSyn(connection, segment)
  sendSyn(connection, deps.clock.now(), emit)
  arm(ctx, entry)
}
