import { hvMonitorPage, type GuestMemory } from '@vmbus/hypervisor'
import { CoreError } from '../errors.ts'
import { MessageId, encode, layouts } from '../messages/index.ts'
import { Feature } from '../versions.ts'
import { reject, type GuestContext } from './context.ts'
import { post } from './post.ts'

/** Words of `pending` in the monitor page, one for each group of 32 ids; an `armed` word follows each. */
const TRIGGER_GROUPS = hvMonitorPage.offsets.triggerGroup
const GROUPS = 4

function need(ctx: GuestContext, feature: number, free: boolean): void {
  const { phase, features } = ctx.state
  if ((phase !== 'requesting' && phase !== 'running') || (features & feature) === 0 || !free)
    throw new CoreError('VMBUS_CHANNEL_STATE', {
      field: 'features',
      value: free ? features : phase,
      allowed: 'a connection with the feature, and no such request under way',
    })
}

/** PAUSE: the host answers, and then says nothing more until RESUME. */
export function pauseMessages(ctx: GuestContext): void {
  need(ctx, Feature.pauseResume, ctx.state.paused === 'no')
  ctx.state.paused = 'asked'
  post(ctx, encode(layouts.bare, MessageId.pause, {}))
}

export function onPauseResponse(ctx: GuestContext): void {
  if (ctx.state.paused !== 'asked') return reject(ctx, 'paused-unexpected')
  ctx.state.paused = 'yes'
  ctx.emit({ kind: 'messages-paused' })
}

/** RESUME: what the host kept back comes now. Nothing answers it. */
export function resumeMessages(ctx: GuestContext): void {
  need(ctx, Feature.pauseResume, ctx.state.paused === 'yes')
  ctx.state.paused = 'no'
  post(ctx, encode(layouts.bare, MessageId.resume, {}))
}

/** MODIFY_CONNECTION: two new monitor pages in place of those of the contact. */
export function moveMonitorPages(ctx: GuestContext): void {
  const { state, options } = ctx
  const own = state.monitor === state.pages.childToParentMonitor
  need(ctx, Feature.modifyConnection, own && state.nextMonitors === null)
  const [parentToChild = 0, childToParent = 0] = options.pages.allocate(2).map((pfn) => pfn * 4096)
  state.nextMonitors = { parentToChild, childToParent }
  post(
    ctx,
    encode(layouts.modifyConnection, MessageId.modifyConnection, {
      parentToChildMonitor: parentToChild,
      childToParentMonitor: childToParent,
    }),
  )
}

export function onModifyConnectionResponse(ctx: GuestContext, payload: Uint8Array): void {
  const { connectionState } = layouts.modifyConnectionResponse.parse(payload)
  if (ctx.state.nextMonitors === null) return reject(ctx, 'connection-unexpected')
  monitorsMoved(ctx, connectionState)
}

/** The request ended: the pages that are not used any more are free. */
export function monitorsMoved(ctx: GuestContext, status: number): void {
  const { state, options } = ctx
  const next = state.nextMonitors
  if (next === null) return
  state.nextMonitors = null
  const { parentToChildMonitor, childToParentMonitor } = state.pages
  let unused = [next.parentToChild, next.childToParent]
  if (status === 0) {
    unused = [parentToChildMonitor, childToParentMonitor]
    state.pages.parentToChildMonitor = next.parentToChild
    state.pages.childToParentMonitor = next.childToParent
    state.monitor = next.childToParent
    movePending(options.partition.memory, childToParentMonitor, next.childToParent)
  }
  options.pages.free(unused.map((gpa) => gpa / 4096))
  ctx.emit({ kind: 'monitor-pages', status })
}

/** What was signalled in the old page after the host had turned to the new one would be lost. */
function movePending({ words }: GuestMemory, from: number, to: number): void {
  for (let group = 0; group < GROUPS; group++) {
    const at = (TRIGGER_GROUPS + group * 8) >>> 2
    Atomics.or(words, to / 4 + at, Atomics.load(words, from / 4 + at))
  }
}

/** The connection is over, and with it what was asked of it. */
export function forgetRequests(ctx: GuestContext): void {
  ctx.state.paused = 'no'
  const next = ctx.state.nextMonitors
  ctx.state.nextMonitors = null
  if (next !== null) ctx.options.pages.free([next.parentToChild / 4096, next.childToParent / 4096])
}
