import { requestTable, type Channel, type HostDeviceDeps, type RequestTable } from '@vmbus/core'
import { ShapeMismatch, TICKS_PER_SECOND, checkOptions, number, object, oneOf, type Shape } from '@vmbus/world'
import { setDeadline } from './deadline.ts'
import {
  icVersions,
  negotiationAnswer,
  negotiationRequest,
  newestOf,
  type IcVersions,
  type Negotiated,
} from './negotiate.ts'
import { At, IcFlags, IcType, NEGOTIATION_SECONDS, PIPE_DATA, icVersionText } from './protocol.ts'
import type { IcHostReject } from './rejects.ts'

/**
 * The life of a component's channel as its host sees it. `unanswered`: the time for the negotiation is over, which an answer
 * that comes after all still ends. `refused` lasts until the channel is opened again.
 */
export type IcPhase = 'closed' | 'negotiating' | 'unanswered' | 'ready' | 'refused'

/** What is with the guest. */
type Asked = 'negotiation' | 'request'

export interface IcHostState {
  readonly phase: IcPhase
  /** The versions agreed on, 0 before. */
  readonly framework: number
  readonly message: number
  /** What is with the guest. */
  readonly asked: Asked | null
  /** When the negotiation has waited long enough, in 100 ns of reference time; Infinity when none waits. */
  readonly deadline: number
}

/** The shape of what the host of a component saves that speaks `versions`. */
export function icHostState(versions: IcVersions): Shape<IcHostState> {
  const of = object<IcHostState>({
    phase: oneOf('closed', 'negotiating', 'unanswered', 'ready', 'refused'),
    framework: oneOf(0, ...versions.framework),
    message: oneOf(0, ...versions.message),
    asked: oneOf(null, 'negotiation', 'request'),
    deadline: number(0),
  })
  return (value, at) => {
    const state = of(value, at)
    const isReady = state.phase === 'ready'
    if ((state.framework !== 0) !== isReady || (state.message !== 0) !== isReady)
      throw new ShapeMismatch(`${at}.phase`, state.phase, 'ready with versions, or another without')
    return state
  }
}

/** What a component adds to the framing. */
export interface IcHostHandler {
  readonly type: number
  /** Versions agreed: requests may follow. */
  ready(versions: Negotiated): void
  /** The guest cannot speak any version that was offered. */
  refused?(): void
  /** The answer to the outstanding request. `view` and its body are valid only during the call. */
  reply(status: number, view: DataView, bodyLength: number): void
  /** False for the late answer to a request that was given up. Absent where none is. */
  answers?(view: DataView, bodyLength: number): boolean
  /** The channel went away with a request outstanding. */
  abandoned?(): void
}

export interface IcHost {
  readonly phase: IcPhase
  /** The message version agreed on, 0 before. */
  readonly message: number
  /** A request is with the guest. */
  readonly outstanding: boolean
  /** The versions agreed on are not the newest of this host, of one kind or both. */
  readonly isOlder: boolean
  open(channel: Channel): number
  readable(channel: Channel): void
  /** The channel went away, or the device is withdrawn: nothing is sent any more, and what still comes is dropped. */
  close(): void
  /**
   * Sends `body` as a transaction; false unless the component is ready and nothing is outstanding. The answer may come before
   * this returns: what it is for has to be recorded before.
   */
  request(body: Uint8Array): boolean
  /** The answer to the outstanding request is not waited for any more: the next may be sent. */
  giveUp(): void
  /** A timer of the device has fired: true if it was the framing's. */
  timer(name: string): boolean
  save(): IcHostState
  /** Takes a state that `icHostState` has looked at. */
  restore(state: IcHostState, channel: Channel | undefined): void
  inspect(): Record<string, unknown>
}

const TIMER = 'negotiation'

/** At most one message is with the guest, so that it always has the lowest id. */
const ASKED = 1

/** What has been agreed, and on which channel. */
interface Framing {
  readonly channel: Channel | undefined
  phase: IcPhase
  readonly framework: number
  readonly message: number
  deadline: number
}

interface Context {
  readonly deps: HostDeviceDeps
  readonly versions: IcVersions
  readonly newest: Negotiated
  readonly handler: IcHostHandler
  readonly requests: RequestTable<Asked>
  state: Framing
}

const closed = (): Framing => ({ channel: undefined, phase: 'closed', framework: 0, message: 0, deadline: Infinity })

function drop({ deps }: Context, branch: IcHostReject | undefined, message: string): void {
  const detail = branch === undefined ? {} : { detail: { branch } }
  deps.diagnose({ code: 'VMBUS_IC_DROPPED', source: 'ic', message, ...detail })
}

/** Recorded first: the guest may answer before its signal returns. */
function send(ctx: Context, asked: Asked, bytes: Uint8Array): boolean {
  const id = ctx.requests.begin(asked)
  if (id === 0) return false
  if (ctx.state.channel?.sendInBand(bytes, 0, 0, false) === true) return true
  ctx.requests.undo(id)
  drop(ctx, undefined, 'ring full with nothing outstanding')
  return false
}

/** A request of a component: the headers around `body`. */
function framed(type: number, { framework, message }: Framing, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(At.body + body.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(At.pipeType, PIPE_DATA, true)
  view.setUint32(At.pipeSize, bytes.length - 8, true)
  view.setUint16(At.framework, framework >>> 16, true)
  view.setUint16(At.framework + 2, framework & 0xffff, true)
  view.setUint16(At.type, type, true)
  view.setUint16(At.version, message >>> 16, true)
  view.setUint16(At.version + 2, message & 0xffff, true)
  view.setUint16(At.size, body.length, true)
  view.setUint8(At.flags, IcFlags.transaction | IcFlags.request)
  bytes.set(body, At.body)
  return bytes
}

/** Takes off the table what has been answered; false if that was not with the guest. */
function isAnswered({ requests }: Context, asked: Asked): boolean {
  return requests.get(ASKED) === asked && requests.end(ASKED) === asked
}

const isOlder = ({ state, newest }: Context): boolean =>
  state.phase === 'ready' && (state.framework < newest.framework || state.message < newest.message)

function receive(ctx: Context, view: DataView, length: number): void {
  if (length < At.body) return drop(ctx, 'message-short', 'message shorter than its headers')
  if (view.getUint32(At.pipeType, true) !== PIPE_DATA) return drop(ctx, 'message-type', 'pipe message that is not data')
  const bodyLength = view.getUint16(At.size, true)
  if (view.getUint32(At.pipeSize, true) > length - 8 || At.body + bodyLength > length)
    return drop(ctx, 'message-length', 'length beyond the packet')
  if ((view.getUint8(At.flags) & IcFlags.response) === 0) return drop(ctx, 'not-response', 'not a response')
  const type = view.getUint16(At.type, true)
  if (type === IcType.negotiate) return negotiated(ctx, view, length)
  const { handler } = ctx
  if (type !== handler.type || handler.answers?.(view, bodyLength) === false || !isAnswered(ctx, 'request'))
    return drop(ctx, 'response-unasked', 'response without its request')
  handler.reply(view.getUint32(At.status, true), view, bodyLength)
}

function negotiated(ctx: Context, view: DataView, length: number): void {
  const { deps, versions, newest, handler, state } = ctx
  if (!isAnswered(ctx, 'negotiation'))
    return drop(ctx, 'negotiation-unasked', 'negotiation answer that was not asked for')
  setDeadline(deps, state, TIMER, Infinity)
  const agreed = negotiationAnswer(view, length, versions)
  if (agreed === undefined) {
    state.phase = 'refused'
    drop(ctx, 'negotiation-none', 'no version in common')
    deps.event('refused')
    handler.refused?.()
    return
  }
  const ready: Framing = { ...state, ...agreed, phase: 'ready' }
  ctx.state = ready
  deps.event('negotiated', agreed)
  if (isOlder(ctx)) deps.event('older-version', { ...agreed, expected: newest })
  // Whoever heard of it may have withdrawn the device.
  if (ctx.state === ready) handler.ready(agreed)
}

function inspected(ctx: Context): Record<string, unknown> {
  const { newest, state } = ctx
  const text = ({ framework, message }: Negotiated) => ({
    framework: icVersionText(framework),
    message: icVersionText(message),
  })
  return {
    phase: state.phase,
    ...(state.phase === 'ready' && text(state)),
    ...(isOlder(ctx) && { expected: text(newest) }),
    outstanding: ctx.requests.get(ASKED) === 'request',
  }
}

/**
 * The host's side of framing and negotiation: negotiates at each opening, keeps one request outstanding (wire/06 §1:
 * Linux's callbacks take one packet an interrupt), and drops what does not answer it. Throws OptionsError for versions that
 * are none.
 */
export function icHost(deps: HostDeviceDeps, versions: IcVersions, handler: IcHostHandler): IcHost {
  checkOptions('icHost versions', icVersions, versions)
  const requests = requestTable<Asked>(1)
  const ctx: Context = { deps, versions, handler, requests, newest: newestOf(versions), state: closed() }
  return {
    get phase() {
      return ctx.state.phase
    },
    get message() {
      return ctx.state.message
    },
    get outstanding() {
      return requests.get(ASKED) === 'request'
    },
    get isOlder() {
      return isOlder(ctx)
    },
    open(channel) {
      requests.clear()
      ctx.state = { ...closed(), channel, phase: 'negotiating' }
      setDeadline(deps, ctx.state, TIMER, deps.clock.now() + NEGOTIATION_SECONDS * TICKS_PER_SECOND)
      send(ctx, 'negotiation', negotiationRequest(versions))
      return 0
    },
    readable(from) {
      for (let packet = from.receive(); packet !== undefined; packet = from.receive()) {
        if (ctx.state.channel !== from) continue
        const { bytes, payloadOffset, payloadLength } = packet
        receive(ctx, new DataView(bytes.buffer, bytes.byteOffset + payloadOffset, payloadLength), payloadLength)
      }
    },
    close() {
      const isAbandoned = isAnswered(ctx, 'request')
      requests.clear()
      ctx.state = closed()
      setDeadline(deps, ctx.state, TIMER, Infinity)
      if (isAbandoned) handler.abandoned?.()
    },
    request: (body) => ctx.state.phase === 'ready' && send(ctx, 'request', framed(handler.type, ctx.state, body)),
    giveUp: () => void isAnswered(ctx, 'request'),
    timer(name) {
      if (name !== TIMER) return false
      ctx.state.deadline = Infinity
      ctx.state.phase = 'unanswered'
      deps.event('unanswered')
      return true
    },
    save() {
      const { phase, framework, message, deadline } = ctx.state
      return { phase, framework, message, deadline, asked: requests.get(ASKED) ?? null }
    },
    restore({ asked, ...saved }, channel) {
      requests.clear()
      if (asked !== null) requests.begin(asked)
      ctx.state = { ...saved, channel: saved.phase === 'closed' ? undefined : channel }
      if (saved.deadline !== Infinity) deps.timers.set(TIMER, saved.deadline)
    },
    inspect: () => inspected(ctx),
  }
}
