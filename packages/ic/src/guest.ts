import type { GuestChannel, GuestDriverDeps } from '@vmbus/core'
import {
  callable,
  checkOptions,
  either,
  integer,
  object,
  oneOf,
  optional,
  u32,
  type Fields,
  type Shape,
} from '@vmbus/world'
import {
  answerNegotiation,
  icVersions,
  type IcChoice,
  type IcVersions,
  type MatchPolicy,
  type Negotiated,
} from './negotiate.ts'
import { At, IC_RING_PAGES, IcFlags, IcType, PIPE_DATA } from './protocol.ts'
import type { IcGuestReject } from './rejects.ts'

export interface IcGuestOptions {
  readonly versions: IcVersions
  /** Which of the host's versions the driver takes; the correct and default policy is `exact`. */
  readonly match?: MatchPolicy
  /** Ring size in pages, control page included. */
  readonly ringPages?: number
  /**
   * What the driver does with a negotiation that has no common version: answer zero counts (Linux), nothing (FreeBSD), or
   * what came with this status (FreeBSD's backup: EOPNOTSUPP, 45).
   */
  readonly unmatched?: 'answer' | 'silence' | number
  /** Packets taken for one signal: all that wait, or one, so that the next waits for the next signal. */
  readonly perSignal?: 'all' | 'one'
  /**
   * What a request gets that is too short or for another component: `refuse`, the default, answers an error (Linux);
   * `ignore` leaves the short one without an answer and sends the other one back as it came (FreeBSD
   * sys/dev/hyperv/utilities/vmbus_heartbeat.c, vmbus_timesync.c, vmbus_shutdown.c).
   */
  readonly malformed?: 'refuse' | 'ignore'
  /** Answers carry the driver's status, the default, or still the host's (FreeBSD's heartbeat and time synchronisation). */
  readonly status?: 'own' | 'echo'
}

/** The options that each component's driver has in common with the others, for its own `checkOptions`. */
export const icGuestFields: Fields<Partial<IcGuestOptions>> = {
  versions: optional(icVersions),
  match: optional(either(oneOf('exact', 'at-most'), callable<IcChoice>())),
  ringPages: optional(integer(2)),
  unmatched: optional(either(oneOf('answer', 'silence'), u32)),
  perSignal: optional(oneOf('all', 'one')),
  malformed: optional(oneOf('refuse', 'ignore')),
  status: optional(oneOf('own', 'echo')),
}

const GUEST_OPTIONS: Shape<IcGuestOptions> = object<IcGuestOptions>({ ...icGuestFields, versions: icVersions })

/** What a component's options say of the framing; `versions` is what its driver speaks where they do not. */
export function framingOf(options: Partial<IcGuestOptions>, versions: IcVersions): IcGuestOptions {
  const given = Object.entries(options).filter(([name, value]) => name in icGuestFields && value !== undefined)
  return { versions, ...Object.fromEntries(given) }
}

/** What an answer is made from: a request, or what a component kept of one that it answers later. */
export type IcAnswerable = Pick<IcRequest, 'bytes' | 'transactionLow' | 'transactionHigh'>

/** One request. `bytes` is the driver's own copy of the payload; the answer is made in it. */
export interface IcRequest {
  readonly type: number
  /** The packet's transaction id, which the answer carries too. */
  readonly transactionLow: number
  readonly transactionHigh: number
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Bytes of body that the packet really holds, at most what its header announces. */
  readonly bodyLength: number
  readonly framework: number
  readonly message: number
}

export interface IcGuestHandler {
  readonly type: number
  negotiated?(versions: Negotiated | undefined): void
  /** Return a status to answer now, or undefined to answer later with `reply`. */
  request(request: IcRequest): number | undefined
  /** The answer is in the ring: what must come after it (power off) may happen. */
  answered?(request: IcRequest, status: number): void
}

/** The versions agreed on, 0 without. */
export interface IcGuestState {
  readonly framework: number
  readonly message: number
}

export const icGuestState: Shape<IcGuestState> = object<IcGuestState>({ framework: u32, message: u32 })

export interface IcGuest {
  readonly state: Readonly<IcGuestState>
  offered(channel: GuestChannel): void
  opened(channel: GuestChannel, status: number): void
  readable(channel: GuestChannel): void
  /** Answers a request that `request` left open. */
  reply(channel: GuestChannel, request: IcAnswerable, status: number): void
  reset(): void
  save(): IcGuestState
  /** Takes a state that `icGuestState` has looked at. */
  restore(state: IcGuestState): void
}

/**
 * The guest's side: opens the channel, answers negotiation, hands requests to the component, drains the ring. Throws
 * OptionsError.
 */
export function icGuest(deps: GuestDriverDeps, options: IcGuestOptions, handler: IcGuestHandler): IcGuest {
  checkOptions('icGuest', GUEST_OPTIONS, options)
  const { versions, match = 'exact', ringPages = IC_RING_PAGES, unmatched = 'answer', perSignal = 'all' } = options
  const echoes = options.status === 'echo'
  let state: IcGuestState = { framework: 0, message: 0 }

  const drop = (branch: IcGuestReject | undefined, message: string): void =>
    deps.diagnose({
      code: 'VMBUS_IC_DROPPED',
      source: 'ic',
      message,
      ...(branch !== undefined && { detail: { branch } }),
    })

  const send = (channel: GuestChannel, answer: IcAnswerable, status: number | undefined): void => {
    const { bytes, transactionLow, transactionHigh } = answer
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (status !== undefined) view.setUint32(At.status, status, true)
    view.setUint8(At.flags, IcFlags.transaction | IcFlags.response)
    if (channel.channel?.sendInBand(bytes, transactionLow, transactionHigh, false) !== true)
      drop(undefined, 'no room for an answer')
  }

  const receive = (channel: GuestChannel, answer: IcAnswerable): void => {
    const { bytes } = answer
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    if (bytes.length < At.body) return drop('message-short', 'message shorter than its headers')
    if (view.getUint32(At.pipeType, true) !== PIPE_DATA) return drop('message-type', 'pipe message that is not data')
    const type = view.getUint16(At.type, true)
    if (type === IcType.negotiate) {
      const came = typeof unmatched === 'number' ? bytes.slice() : bytes
      const agreed = answerNegotiation(view, bytes.length, versions, match)
      if (agreed === undefined) drop('negotiation-none', 'negotiation without a common version')
      state = agreed ?? { framework: 0, message: 0 }
      handler.negotiated?.(agreed)
      if (agreed !== undefined || unmatched === 'answer') send(channel, answer, undefined)
      else if (typeof unmatched === 'number') send(channel, { ...answer, bytes: came }, unmatched)
      return
    }
    const announced = view.getUint16(At.size, true)
    const request: IcRequest = {
      type,
      ...answer,
      view,
      bodyLength: Math.min(announced, bytes.length - At.body),
      framework: state.framework,
      message: state.message,
    }
    if (type !== handler.type) {
      drop('other-component', `request for component ${type}`)
      if (options.malformed === 'ignore') return send(channel, answer, undefined)
    }
    const status = type === handler.type ? handler.request(request) : 0x80004005
    if (status === undefined) return
    send(channel, answer, echoes ? undefined : status)
    handler.answered?.(request, status)
  }

  return {
    get state() {
      return state
    },
    offered(channel) {
      channel.open({ outPages: ringPages, inPages: ringPages })
    },
    opened(channel, status) {
      if (status !== 0)
        deps.diagnose({
          code: 'VMBUS_IC_OPEN',
          source: 'ic',
          message: `host refused to open the channel: 0x${status.toString(16)}`,
        })
      else this.readable(channel)
    },
    readable(channel) {
      const open = channel.channel
      if (open === undefined) return
      for (
        let packet = open.receive();
        packet !== undefined && channel.channel === open;
        packet = perSignal === 'all' ? open.receive() : undefined
      )
        receive(channel, {
          bytes: packet.bytes.slice(packet.payloadOffset, packet.payloadOffset + packet.payloadLength),
          transactionLow: packet.transactionLow,
          transactionHigh: packet.transactionHigh,
        })
    },
    reply: send,
    reset() {
      state = { framework: 0, message: 0 }
    },
    save: () => ({ ...state }),
    restore({ framework, message }) {
      state = { framework, message }
    },
  }
}
