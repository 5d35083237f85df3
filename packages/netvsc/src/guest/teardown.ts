import { Version } from '@vmbus/core'
import { NvspType, RECEIVE_BUFFER_ID, SEND_BUFFER_ID, revokeReceiveBuffer, revokeSendBuffer } from '../protocol/nvsp.ts'
import { RndisType, haltRequest } from '../protocol/rndis.ts'
import { sendNvsp } from './requests.ts'
import { sendRndisRequest } from './requests.ts'
import { flushBatch } from './outgoing.ts'
import { answerCame, awaitAnswer } from './answer-timer.ts'
import { endUnanswered, underWay } from './sent-packets.ts'
import { diagnose, noOffloads } from './state.ts'
import type { GrantedBuffer, GuestContext } from './types.ts'

/**
 * Leaves the host in the order of Linux (wire/04 §8): HALT, all sends completed, revokes. Below VMBus 4.0 each grant is torn
 * down after its revoke, from there on after the channel has closed (netvsc.c, netvsc_device_remove). Each step waits for what
 * it needs; nothing sent is lost.
 */
export function stop(ctx: GuestContext): void {
  const { state } = ctx
  if (state.phase === 'stopping' || state.phase === 'stopped' || state.phase === 'offered') return
  const initialised = state.step !== 'version' && state.sectionSize > 0
  state.phase = 'stopping'
  state.filter = 0
  state.control.waiting.length = 0
  state.control.current = null
  for (const [index, queue] of state.queues.entries()) {
    if (queue) queue.blocked = false
    // No more frames are added to it.
    flushBatch(ctx, index)
  }
  state.step = 'drain'
  awaitAnswer(ctx)
  if (initialised) sendRndisRequest(ctx, { type: RndisType.halt, oid: 0, body: new Uint8Array(haltRequest.size) })
  advance(ctx)
}

/** Closes the adapter and opens it again. */
export function restart(ctx: GuestContext): void {
  ctx.state.restart = true
  stop(ctx)
}

/** Gives up: the channel is closed and everything returned. */
export function fail(ctx: GuestContext, why: string): void {
  const { state } = ctx
  if (state.phase === 'failed' || state.phase === 'stopping' || state.phase === 'stopped') return
  state.failure = why
  diagnose(ctx, 'VMBUS_NETVSC_SETUP', 'setup', why)
  ctx.deps.event('failed', why)
  stop(ctx)
}

/** The host does not answer: everything under way ends without it. */
export function giveUp(ctx: GuestContext): void {
  const { state } = ctx
  endUnanswered(ctx)
  for (const queue of state.queues) {
    if (!queue) continue
    queue.outgoing.length = 0
    queue.pendingCompletions.length = 0
    if (queue.batch.section >= 0) state.sections.push(queue.batch.section)
    queue.batch.section = -1
  }
  advance(ctx)
}

/** A completion, a closed channel or a returned grant came: does what is possible now. */
export function advance(ctx: GuestContext): void {
  while (ctx.state.phase === 'stopping' && !ctx.isReceiving && takeStep(ctx));
}

const isBusy = (ctx: GuestContext): boolean =>
  underWay(ctx) > 0 ||
  ctx.state.queues.some(
    (queue) => queue && (queue.outgoing.length > 0 || queue.pendingCompletions.length > 0 || queue.batch.section >= 0),
  )

/** True when the step is over; the next one is recorded before it sends anything. */
function takeStep(ctx: GuestContext): boolean {
  const { state } = ctx
  const unsent = (state.queues[0]?.outgoing.length ?? 0) > 0
  const grantsFirst = ctx.deps.version() < Version.v4_0
  switch (state.step) {
    case 'drain':
      if (isBusy(ctx)) return false
      answerCame(ctx)
      state.step = 'revoke-receive'
      if (state.subAllocation > 0)
        sendNvsp(ctx, NvspType.revokeReceiveBuffer, revokeReceiveBuffer.toBytes({ id: RECEIVE_BUFFER_ID }))
      return true
    case 'revoke-receive':
      if (unsent || (grantsFirst && !tearDown(ctx, state.receive))) return false
      state.step = 'revoke-send'
      if (state.sectionSize > 0)
        sendNvsp(
          ctx,
          NvspType.revokeSendBuffer,
          revokeSendBuffer.toBytes({ id: ctx.options.sendBufferId ?? SEND_BUFFER_ID }),
        )
      return true
    case 'revoke-send':
      if (unsent || (grantsFirst && !tearDown(ctx, state.send))) return false
      state.step = 'close'
      return true
    case 'close':
      return closeNext(ctx)
    case 'grants':
      if (tearDown(ctx, state.receive ?? state.send)) finish(ctx)
      return false
    default:
      return false
  }
}

/** Subchannels first, then the primary; one at a time. True when all are closed. */
function closeNext(ctx: GuestContext): boolean {
  const { state } = ctx
  for (let index = ctx.channels.length - 1; index >= 0; index--) {
    const channel = ctx.channels[index]
    if (channel === undefined || channel.state === 'offered' || channel.state === 'rescinded') continue
    if (channel.state === 'open') channel.close()
    return false
  }
  state.step = 'grants'
  return true
}

/** Tears a grant down; true when there is none. One that the host has not answered is torn down once it has. */
function tearDown({ channels }: GuestContext, buffer: GrantedBuffer | null): boolean {
  if (buffer?.created && !buffer.tearing) {
    buffer.tearing = true
    channels[0]?.teardownGpadl(buffer.gpadl)
  }
  return buffer === null
}

/** The answer to a grant came during the teardown. */
export function grantedLate(ctx: GuestContext, buffer: GrantedBuffer, status: number): void {
  if (status !== 0) return ungranted(ctx, buffer.gpadl)
  advance(ctx)
}

function free({ deps }: GuestContext, buffer: GrantedBuffer): null {
  deps.pages.free(buffer.pfns)
  return null
}

/** The host no longer has the buffer. */
export function ungranted(ctx: GuestContext, gpadl: number): void {
  const { state } = ctx
  if (state.receive?.gpadl === gpadl) state.receive = free(ctx, state.receive)
  else if (state.send?.gpadl === gpadl) state.send = free(ctx, state.send)
  advance(ctx)
}

/** The channel is gone: all pages are free, and nothing is under way. */
export function abandon(ctx: GuestContext): void {
  const { state, deps } = ctx
  // First: `answerCame` then begins no other wait.
  state.phase = 'stopped'
  answerCame(ctx)
  for (const buffer of [state.receive, state.send]) if (buffer !== null) deps.pages.free(buffer.pfns)
  state.receive = state.send = null
  returnPages(ctx)
}

function returnPages(ctx: GuestContext): void {
  const { state, deps } = ctx
  endUnanswered(ctx)
  ctx.sent.clear()
  deps.pages.free(state.pages)
  if (state.controlPage >= 0) deps.pages.free([state.controlPage])
  state.pages = []
  state.controlPage = -1
  state.queues = []
  state.sections = []
  state.subAllocation = state.sectionSize = 0
  state.subchannels = state.requestedSubchannels = 0
  state.offload = noOffloads()
  state.control = { current: null, id: state.control.id, waiting: [] }
  state.vf = null
  state.dataPath = 0
  state.version = 0
}

function finish(ctx: GuestContext): void {
  const { state, deps } = ctx
  returnPages(ctx)
  state.step = ''
  state.phase = state.failure === '' ? 'stopped' : 'failed'
  deps.event('stopped')
}
