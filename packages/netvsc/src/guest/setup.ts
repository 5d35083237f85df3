import {
  BODY,
  Capability,
  NvspStatus,
  NvspType,
  NvspVersion,
  init,
  initComplete,
  messageHeader,
  sendNdisConfig,
  sendNdisVersion,
  sendReceiveBufferComplete,
  sendSendBufferComplete,
  subchannelComplete,
} from '../protocol/nvsp.ts'
import { grantReceiveBuffer, receiveBufferAnswered, sendBufferAnswered } from './buffers.ts'
import { sendNvsp } from './requests.ts'
import { DEFAULT_SEND_PAGES } from './options.ts'
import { answerCame } from './answer-timer.ts'
import { pagesFor } from './memory.ts'
import type { GuestContext } from './types.ts'
import { subchannelsAnswered } from './subchannels.ts'
import { fail } from './teardown.ts'

const ETHERNET_BYTES = 14

/** The primary channel is open. Each further step of setup follows an answer of the host. */
export function beginSetup(ctx: GuestContext): void {
  const { state } = ctx
  state.phase = 'setup'
  state.attempt = 0
  const [control, ...pages] = pagesFor(ctx, 1 + (ctx.options.sendPages ?? DEFAULT_SEND_PAGES)) ?? []
  if (control === undefined) return fail(ctx, 'the guest has no memory for its requests')
  state.controlPage = control
  state.pages = pages
  askVersion(ctx)
}

function askVersion(ctx: GuestContext): void {
  const version = ctx.versions[ctx.state.attempt]
  if (version === undefined) return fail(ctx, 'no NVSP version in common')
  ctx.state.step = 'version'
  sendNvsp(ctx, NvspType.init, init.toBytes({ min_protocol_ver: version, max_protocol_ver: version }), true)
}

/** The host completed a setup message. */
export function completed(ctx: GuestContext, type: number, view: DataView): void {
  const { state } = ctx
  answerCame(ctx)
  const body = (needed: number): boolean => view.byteLength >= BODY + needed
  switch (type) {
    case NvspType.init:
      if (!body(initComplete.size) || messageHeader.read.msg_type(view, 0) !== NvspType.initComplete)
        return fail(ctx, 'an answer to INIT that is none')
      if (initComplete.read.status(view, BODY) !== NvspStatus.success) {
        state.attempt++
        return askVersion(ctx)
      }
      state.version = ctx.versions[state.attempt] ?? 0
      return configure(ctx)
    case NvspType.sendReceiveBuffer:
      return receiveBufferAnswered(ctx, view, body(sendReceiveBufferComplete.size))
    case NvspType.sendSendBuffer:
      return sendBufferAnswered(ctx, view, body(sendSendBufferComplete.size))
    case NvspType.subchannel:
      return subchannelsAnswered(ctx, view, body(subchannelComplete.size))
  }
}

function configure(ctx: GuestContext): void {
  const { state, options } = ctx
  const { version } = state
  if (version >= NvspVersion.v2) {
    let capability = Capability.ieee8021q as number
    if (version >= NvspVersion.v5 && options.teaming !== false) capability |= Capability.teaming
    if (version >= NvspVersion.v5 && options.sriov !== false) capability |= Capability.sriov
    if (version >= NvspVersion.v6_1 && options.rsc !== false) capability |= Capability.rsc
    sendNvsp(
      ctx,
      NvspType.sendNdisConfig,
      sendNdisConfig.toBytes({ mtu: state.mtu + ETHERNET_BYTES, reserved: 0, capability: BigInt(capability) }),
    )
  }
  const { major, minor } = options.ndis ?? { major: 6, minor: version >= NvspVersion.v5 ? 30 : 1 }
  sendNvsp(ctx, NvspType.sendNdisVersion, sendNdisVersion.toBytes({ ndis_major_ver: major, ndis_minor_ver: minor }))
  grantReceiveBuffer(ctx)
}
