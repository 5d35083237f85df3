import {
  DmType,
  balloonRequest,
  capabilitiesResponse,
  dmHeader,
  hotAddRequestShort,
  unballoonRequest,
  versionResponse,
} from '../protocol.ts'
import { drop, type GuestContext } from './context.ts'
import { onCapabilities, onVersion } from './negotiation.ts'
import { onBalloon, onHotAdd, onUnballoon } from './requests.ts'

interface Handler {
  /** Fewest bytes that it reads. */
  readonly minimum: number
  /** Only after the capabilities. */
  readonly ready: boolean
  handle(ctx: GuestContext, bytes: Uint8Array): void
}

/** Linux reads the count of a balloon request, and not the word behind it. */
const BALLOON_REQUEST_LEAST = 12

const HANDLERS: Readonly<Record<number, Handler>> = {
  [DmType.versionResponse]: { minimum: versionResponse.size, handle: onVersion, ready: false },
  [DmType.capabilitiesResponse]: { minimum: capabilitiesResponse.size, handle: onCapabilities, ready: false },
  [DmType.balloonRequest]: { minimum: BALLOON_REQUEST_LEAST, handle: onBalloon, ready: true },
  [DmType.unballoonRequest]: { minimum: unballoonRequest.size, handle: onUnballoon, ready: true },
  [DmType.hotAddRequest]: { minimum: hotAddRequestShort.size, handle: onHotAdd, ready: true },
  [DmType.infoMessage]: { minimum: dmHeader.size, handle: () => {}, ready: false },
}

function receive(ctx: GuestContext, payload: Uint8Array): void {
  if (payload.length < dmHeader.size) return drop(ctx, 'message-short', 'message shorter than its header')
  const { type, size } = dmHeader.parse(payload)
  const handler = HANDLERS[type]
  if (handler === undefined) return drop(ctx, 'message-type', `message of type ${type}`)
  if (size < handler.minimum || size > payload.length)
    return drop(ctx, 'message-size', `message of type ${type} with size ${size}`)
  if (handler.ready && ctx.state.phase !== 'ready')
    return drop(ctx, 'message-early', `message of type ${type} before the capabilities`)
  const whole = new Uint8Array(Math.max(size, balloonRequest.size))
  whole.set(payload.subarray(0, size))
  const isShort = size < balloonRequest.size && type === DmType.balloonRequest
  handler.handle(ctx, isShort ? whole : payload.subarray(0, size))
}

/** A request is read when the replies to those before are sent: a host that never reads fills its own ring, and no list here. */
function read(ctx: GuestContext): void {
  const { handle } = ctx
  const open = handle?.channel
  while (open !== undefined && handle?.channel === open && ctx.state.outbox.length === 0) {
    const packet = open.receive()
    if (packet === undefined) return
    receive(ctx, packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength))
  }
}

/**
 * Does `act`, then reads what there is. The host may run before a send returns (README of @vmbus/hypervisor): what it says
 * meanwhile is read by the turn under way, when it is done.
 */
export function turn(ctx: GuestContext, act: () => void): void {
  if (ctx.busy) return act()
  ctx.busy = true
  try {
    act()
    while (ctx.again) {
      ctx.again = false
      read(ctx)
    }
  } finally {
    ctx.busy = false
  }
}

/** The host signalled, or there is reason to look. */
export function readable(ctx: GuestContext): void {
  ctx.again = true
  turn(ctx, () => {})
}
