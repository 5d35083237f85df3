import type { Channel, HostDeviceDeps } from '@vmbus/core'
import { negotiationAnswer, negotiationRequest, type IcVersions, type Negotiated } from './negotiate.ts'
import { At, IcFlags, IcType, PIPE_DATA, icVersionText } from './protocol.ts'
import type { IcHostReject } from './rejects.ts'

/** The life of a component's channel as its host sees it. `refused` lasts until the channel is opened again. */
export type IcPhase = 'closed' | 'negotiating' | 'ready' | 'refused'

export interface IcHostState {
  readonly v: 1
  phase: IcPhase
  framework: number
  message: number
  /** A request is with the guest. */
  outstanding: boolean
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
  /** The channel went away with a request outstanding. */
  abandoned?(): void
}

export interface IcHost {
  readonly state: Readonly<IcHostState>
  open(channel: Channel): number
  readable(channel: Channel): void
  /** The channel went away, or the device is withdrawn: nothing is sent any more, and what still comes is dropped. */
  close(): void
  /** Sends `body` as a transaction; false unless the component is ready and nothing is outstanding. */
  request(body: Uint8Array): boolean
  save(): IcHostState
  restore(state: IcHostState, channel: Channel | undefined): void
  inspect(): Record<string, unknown>
}

const fresh = (): IcHostState => ({ v: 1, phase: 'closed', framework: 0, message: 0, outstanding: false })

/**
 * The host's side of framing and negotiation: negotiates at each opening, keeps one request outstanding (wire/06 §1:
 * Linux's callbacks take one packet an interrupt), and drops what does not answer it.
 */
export function icHost(deps: HostDeviceDeps, versions: IcVersions, handler: IcHostHandler): IcHost {
  let state = fresh()
  let channel: Channel | undefined

  const drop = (branch: IcHostReject | undefined, message: string): void =>
    deps.diagnose({
      code: 'VMBUS_IC_DROPPED',
      source: 'ic',
      message,
      ...(branch !== undefined && { detail: { branch } }),
    })

  const send = (bytes: Uint8Array): boolean => {
    if (channel?.sendInBand(bytes, 0, 0, false) === true) return true
    drop(undefined, 'ring full with nothing outstanding')
    return false
  }

  const negotiated = (view: DataView, length: number): void => {
    if (state.phase !== 'negotiating') return drop('negotiation-unasked', 'negotiation answer that was not asked for')
    const agreed = negotiationAnswer(view, length, versions)
    if (agreed === undefined) {
      state.phase = 'refused'
      drop('negotiation-none', 'no version in common')
      deps.event('refused')
      handler.refused?.()
      return
    }
    state.phase = 'ready'
    state.framework = agreed.framework
    state.message = agreed.message
    deps.event('negotiated', agreed)
    handler.ready(agreed)
  }

  const receive = (view: DataView, length: number): void => {
    if (length < At.body) return drop('message-short', 'message shorter than its headers')
    if (view.getUint32(At.pipeType, true) !== PIPE_DATA) return drop('message-type', 'pipe message that is not data')
    const pipeBytes = view.getUint32(At.pipeSize, true)
    const bodyLength = view.getUint16(At.size, true)
    if (pipeBytes > length - 8 || At.body + bodyLength > length)
      return drop('message-length', 'length beyond the packet')
    if ((view.getUint8(At.flags) & IcFlags.response) === 0) return drop('not-response', 'not a response')
    const type = view.getUint16(At.type, true)
    if (type === IcType.negotiate) return negotiated(view, length)
    if (state.phase !== 'ready' || !state.outstanding || type !== handler.type)
      return drop('response-unasked', 'response without its request')
    state.outstanding = false
    handler.reply(view.getUint32(At.status, true), view, bodyLength)
  }

  return {
    get state() {
      return state
    },
    open(opened) {
      channel = opened
      state = { ...fresh(), phase: 'negotiating' }
      send(negotiationRequest(versions))
      return 0
    },
    readable(from) {
      for (let packet = from.receive(); packet !== undefined; packet = from.receive()) {
        if (channel !== from) continue
        const view = new DataView(
          packet.bytes.buffer,
          packet.bytes.byteOffset + packet.payloadOffset,
          packet.payloadLength,
        )
        receive(view, packet.payloadLength)
      }
    },
    close() {
      const abandoned = state.outstanding
      channel = undefined
      state = fresh()
      if (abandoned) handler.abandoned?.()
    },
    request(body) {
      if (state.phase !== 'ready' || state.outstanding) return false
      const bytes = new Uint8Array(At.body + body.length)
      const view = new DataView(bytes.buffer)
      view.setUint32(At.pipeType, PIPE_DATA, true)
      view.setUint32(At.pipeSize, bytes.length - 8, true)
      view.setUint16(At.framework, state.framework >>> 16, true)
      view.setUint16(At.framework + 2, state.framework & 0xffff, true)
      view.setUint16(At.type, handler.type, true)
      view.setUint16(At.version, state.message >>> 16, true)
      view.setUint16(At.version + 2, state.message & 0xffff, true)
      view.setUint16(At.size, body.length, true)
      view.setUint8(At.flags, IcFlags.transaction | IcFlags.request)
      bytes.set(body, At.body)
      if (!send(bytes)) return false
      state.outstanding = true
      return true
    },
    save: () => ({ ...state }),
    restore(saved, open) {
      state = { ...saved }
      channel = state.phase === 'closed' ? undefined : open
    },
    inspect: () => ({
      phase: state.phase,
      ...(state.phase === 'ready'
        ? { framework: icVersionText(state.framework), message: icVersionText(state.message) }
        : {}),
      outstanding: state.outstanding,
    }),
  }
}
