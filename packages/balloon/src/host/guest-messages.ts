import type { HostDeviceDeps } from '@vmbus/core'
import { pageSet, type PageSet } from '../page-set.ts'
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
import type { BalloonHostReject } from '../rejects.ts'
import type { BalloonHostOptions, Operation, Phase, State } from './state.ts'

/** What the handlers of a guest's messages work on. */
export interface HostContext {
  readonly options: BalloonHostOptions
  readonly deps: HostDeviceDeps
  readonly versions: readonly number[]
  readonly settleTicks: number
  readonly ballooned: PageSet
  readonly state: State
  drop(branch: BalloonHostReject, message: string): void
  post(bytes: Uint8Array): void
  enter(phase: Phase): void
  finish(operation: Operation, failed?: string): void
}

/** A handler and the fewest bytes that it reads. */
export interface Handler {
  readonly minimum: number
  handle(bytes: Uint8Array): void
}

/** The header of a message to the guest. */
export const head = (type: number, size: number, transId: number): { type: number; size: number; transId: number } => ({
  type,
  size,
  transId,
})

/** What a guest may say, by type. */
export function guestMessages(ctx: HostContext): Readonly<Record<number, Handler>> {
  const onVersion = (bytes: Uint8Array): void => {
    if (ctx.state.phase !== 'version') return ctx.drop('version-order', 'version request out of order')
    const request = versionRequest.parse(bytes)
    const accepted = ctx.versions.includes(request.version)
    ctx.post(
      versionResponse.toBytes({
        ...head(DmType.versionResponse, versionResponse.size, request.transId),
        flags: { isAccepted: accepted ? 1 : 0 },
      }),
    )
    if (!accepted) return
    ctx.state.version = request.version
    ctx.enter('capabilities')
    ctx.deps.event('negotiated', { version: request.version })
  }

  const onCapabilities = (bytes: Uint8Array): void => {
    if (ctx.state.phase !== 'capabilities') return ctx.drop('capabilities-order', 'capabilities out of order')
    const report = capabilities.parse(bytes)
    ctx.state.caps = {
      balloon: report.caps.balloon === 1,
      hotAdd: report.caps.hotAdd === 1,
      alignmentPages: 2 ** report.caps.hotAddAlignment * 256,
    }
    ctx.post(
      capabilitiesResponse.toBytes({
        ...head(DmType.capabilitiesResponse, capabilitiesResponse.size, report.transId),
        flags: { isAccepted: 1, hotRemove: 1 },
      }),
    )
    if (ctx.options.maxPages !== undefined && ctx.state.version >= DmVersion.v1_0) {
      const info = maxPageCountInfo.toBytes({ type: 0, dataSize: 8, pages: ctx.options.maxPages })
      ctx.post(
        infoMessage.toBytes({
          ...head(DmType.infoMessage, infoMessage.size + info.length, ctx.state.transaction),
          infoSize: info.length,
          info,
        }),
      )
      ctx.state.transaction++
    }
    ctx.enter('settling')
    ctx.state.settledAt = ctx.deps.clock.now() + ctx.settleTicks
    ctx.deps.timers.set('settled', ctx.state.settledAt)
    ctx.deps.event('capabilities', { ...ctx.state.caps })
  }

  const onStatus = (bytes: Uint8Array): void => {
    const { available, committed } = statusReport.parse(bytes)
    ctx.state.pressure = { available, committed }
    // The pages of every answer before this report are in the account already.
    ctx.state.needed = Math.max(0, committed - ctx.ballooned.pages)
    ctx.state.reports++
    ctx.deps.event('pressure', ctx.state.pressure)
  }

  /** The pages of `run` that the guest has: booted with or added, and not given up before. */
  const given = (run: PageRun): PageRun[] => {
    const has = pageSet([{ start: 0, count: ctx.state.bootPages }, ...ctx.state.hotAdded])
    return has.within(run).flatMap((part) => ctx.ballooned.without(part))
  }

  const onBallooned = (bytes: Uint8Array): void => {
    if (ctx.state.phase !== 'balloon') return ctx.drop('balloon-unasked', 'balloon response that was not asked for')
    const { flags } = balloonResponse.parse(bytes)
    const runs = unpackRuns(bytes, balloonResponse.size, flags.rangeCount)
    if (runs === undefined) return ctx.drop('balloon-ranges', 'balloon response shorter than its ranges')
    for (const run of runs) {
      let left = run.count
      for (const part of given(run)) {
        left -= ctx.ballooned.add(part)
        ctx.state.done += part.count
        ctx.options.reclaimed?.(part)
      }
      if (left > 0) ctx.drop('balloon-foreign', 'balloon response names pages that the guest does not have')
    }
    if (ctx.state.done > ctx.state.asked) ctx.drop('balloon-more', 'more pages than were asked for')
    // A guest at its minimum answers with no range; that ends the operation whatever `more` says.
    if (flags.more === 0 || flags.rangeCount === 0) ctx.finish('balloon')
  }

  const onUnballooned = (): void => {
    if (ctx.state.phase !== 'unballoon')
      return ctx.drop('unballoon-unasked', 'unballoon response that was not asked for')
    ctx.finish('unballoon')
  }

  /** The first pages of the run that was offered are the guest's. */
  const added = (pages: number): void => {
    if (ctx.state.adding === null) return
    const { start, region } = ctx.state.adding
    const all = pageSet(ctx.state.hotAdded)
    all.add({ start, count: pages })
    ctx.state.hotAdded = [...all.runs]
    ctx.state.region = { ...region, covered: start + pages - region.start }
  }

  const onHotAdded = (bytes: Uint8Array): void => {
    if (ctx.state.phase !== 'hot-add') return ctx.drop('hot-add-unasked', 'hot add response that was not asked for')
    const { pages, result } = hotAddResponse.parse(bytes)
    if (pages > ctx.state.asked) return ctx.finish('hot-add', 'the guest claims more pages than were offered')
    ctx.state.done = pages
    if (pages > 0) added(pages)
    // No pages with result 1 is final; fewer than asked for is taken as the guest's ceiling (Hyper-V's rule, wire/07 §6).
    if (pages < ctx.state.asked && (pages > 0 || result === 1)) ctx.state.hotAddEnded = true
    ctx.finish('hot-add', pages === 0 ? 'the guest added nothing' : undefined)
  }

  return {
    [DmType.versionRequest]: { minimum: versionRequest.size, handle: onVersion },
    [DmType.capabilitiesReport]: { minimum: capabilities.size, handle: onCapabilities },
    [DmType.statusReport]: { minimum: statusReport.size, handle: onStatus },
    [DmType.balloonResponse]: { minimum: balloonResponse.size, handle: onBallooned },
    [DmType.unballoonResponse]: { minimum: dmHeader.size, handle: onUnballooned },
    [DmType.hotAddResponse]: { minimum: hotAddResponse.size, handle: onHotAdded },
  }
}
