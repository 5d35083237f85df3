import { pageSet } from '../page-set.ts'
import {
  DmType,
  DmVersion,
  balloonResponse,
  capabilities,
  capabilitiesResponse,
  dmHeader,
  hotAddResponse,
  infoMessage,
  maxPageCountInfo,
  statusReport,
  unpackRuns,
  versionRequest,
  versionResponse,
  type PageRun,
} from '../protocol.ts'
import type { Request } from './state.ts'
import { post } from '../outbox.ts'
import { drop, finish, underWay, type HostContext } from './context.ts'

/** A handler and the fewest bytes that it reads. */
interface Handler {
  readonly minimum: number
  handle(ctx: HostContext, bytes: Uint8Array): void
}

/** The header of a message to the guest. */
export const head = (type: number, size: number, transId: number): { type: number; size: number; transId: number } => ({
  type,
  size,
  transId,
})

function onVersion(ctx: HostContext, bytes: Uint8Array): void {
  const { state } = ctx
  if (state.phase !== 'version') return drop(ctx, 'version-order', 'version request out of order')
  const { version, transId } = versionRequest.parse(bytes)
  const accepted = ctx.versions.includes(version)
  if (accepted) {
    state.version = version
    state.phase = 'capabilities'
  }
  post(
    ctx,
    versionResponse.toBytes({
      ...head(DmType.versionResponse, versionResponse.size, transId),
      flags: { isAccepted: accepted ? 1 : 0 },
    }),
  )
  if (accepted) ctx.deps.event('negotiated', { version })
}

function onCapabilities(ctx: HostContext, bytes: Uint8Array): void {
  const { state, deps } = ctx
  if (state.phase !== 'capabilities') return drop(ctx, 'capabilities-order', 'capabilities out of order')
  const { caps, transId } = capabilities.parse(bytes)
  state.caps = {
    balloon: caps.balloon === 1,
    hotAdd: caps.hotAdd === 1,
    alignmentPages: 2 ** caps.hotAddAlignment * 256,
  }
  state.phase = 'settling'
  state.settledAt = deps.clock.now() + ctx.settleTicks
  deps.timers.set('settled', state.settledAt)
  post(
    ctx,
    capabilitiesResponse.toBytes({
      ...head(DmType.capabilitiesResponse, capabilitiesResponse.size, transId),
      flags: { isAccepted: 1, hotRemove: 1 },
    }),
  )
  sendMaximum(ctx)
  deps.event('capabilities', { ...state.caps })
}

/** The most pages that the guest may ever have; guests before version 1.0 do not know the message. */
function sendMaximum(ctx: HostContext): void {
  const { state } = ctx
  const { maxPages } = ctx.options
  if (maxPages === undefined || state.version < DmVersion.v1_0) return
  const info = maxPageCountInfo.toBytes({ type: 0, dataSize: 8, pages: maxPages })
  const transId = state.transaction
  state.transaction++
  post(
    ctx,
    infoMessage.toBytes({
      ...head(DmType.infoMessage, infoMessage.size + info.length, transId),
      infoSize: info.length,
      info,
    }),
  )
}

function onStatus({ state, ballooned, deps }: HostContext, bytes: Uint8Array): void {
  const { available, committed } = statusReport.parse(bytes)
  state.pressure = { available, committed }
  // `ballooned` includes the pages of every response that came before this report.
  state.needed = Math.max(0, committed - ballooned.pages)
  state.reports++
  deps.event('pressure', state.pressure)
}

/** The pages of `run` that the guest has: booted with or added, and not given up before. */
function pagesOf({ state, ballooned }: HostContext, run: PageRun): PageRun[] {
  const has = pageSet([{ start: 0, count: state.bootPages }, ...state.hotAdded])
  return has.within(run).flatMap((part) => ballooned.without(part))
}

function onBallooned(ctx: HostContext, bytes: Uint8Array): void {
  const request = underWay(ctx, 'balloon')
  if (request === undefined) return drop(ctx, 'balloon-unasked', 'balloon response that was not asked for')
  const { flags } = balloonResponse.parse(bytes)
  const runs = unpackRuns(bytes, balloonResponse.size, flags.rangeCount)
  if (runs === undefined) return drop(ctx, 'balloon-ranges', 'balloon response shorter than its ranges')
  for (const run of runs) {
    let left = run.count
    for (const part of pagesOf(ctx, run)) {
      left -= ctx.ballooned.add(part)
      request.done += part.count
      ctx.options.reclaimed?.(part)
    }
    if (left > 0) drop(ctx, 'balloon-foreign', 'balloon response names pages that the guest does not have')
  }
  if (request.done > request.asked) drop(ctx, 'balloon-more', 'more pages than were asked for')
  // A guest at its minimum answers with no range; that ends the operation whatever `more` says.
  if (flags.more === 0 || flags.rangeCount === 0) finish(ctx)
}

function onUnballooned(ctx: HostContext): void {
  if (underWay(ctx, 'unballoon') === undefined)
    return drop(ctx, 'unballoon-unasked', 'unballoon response that was not asked for')
  finish(ctx)
}

/** The first pages of the run that was offered are the guest's. */
function added({ state }: HostContext, { adding }: Request, pages: number): void {
  if (adding === null) return
  const { start, region } = adding
  const all = pageSet(state.hotAdded)
  all.add({ start, count: pages })
  state.hotAdded = [...all.runs]
  state.region = { ...region, covered: start + pages - region.start }
}

function onHotAdded(ctx: HostContext, bytes: Uint8Array): void {
  const { state } = ctx
  const request = underWay(ctx, 'hot-add')
  if (request === undefined) return drop(ctx, 'hot-add-unasked', 'hot add response that was not asked for')
  const { pages, result } = hotAddResponse.parse(bytes)
  if (pages > request.asked) return finish(ctx, 'the guest claims more pages than were offered')
  request.done = pages
  if (pages > 0) added(ctx, request, pages)
  // No pages with result 1 is final; fewer than asked for is taken as the guest's ceiling (Hyper-V's rule, wire/07 §6).
  if (pages < request.asked && (pages > 0 || result === 1)) state.hotAddEnded = true
  finish(ctx, pages === 0 ? 'the guest added nothing' : undefined)
}

/** What a guest may say, by type. */
export const GUEST_MESSAGES: Readonly<Record<number, Handler>> = {
  [DmType.versionRequest]: { minimum: versionRequest.size, handle: onVersion },
  [DmType.capabilitiesReport]: { minimum: capabilities.size, handle: onCapabilities },
  [DmType.statusReport]: { minimum: statusReport.size, handle: onStatus },
  [DmType.balloonResponse]: { minimum: balloonResponse.size, handle: onBallooned },
  [DmType.unballoonResponse]: { minimum: dmHeader.size, handle: onUnballooned },
  [DmType.hotAddResponse]: { minimum: hotAddResponse.size, handle: onHotAdded },
}
