import { Version } from '@vmbus/core'
import type { RequestResult } from '@vmbus/storvsc'
import { ideAddress } from '@vmbus/storvsc/protocol'
import { isGood } from './commands.ts'
import type { StorageContext } from './context.ts'
import { keptPages } from './pages.ts'
import { unitOf, type Step, type UnitAt } from './state.ts'

/** The first look is at as many bytes as every unit has (drivers/scsi/scsi_scan.c, scsi_probe_lun). */
const FIRST_INQUIRY = 36
const MAX_INQUIRY = 255
/** LUNs below it (drivers/scsi/storvsc_drv.c, STORVSC_MAX_LUNS_PER_TARGET). */
const MAX_LUN = 255
/** Peripheral qualifier: there can be no unit here. */
const NO_UNIT = 3
const COMMAND_QUEUE = 0x02
const SCSI_2 = 2

const lookAt = (at: UnitAt): Step => ({ do: 'inquiry', at, bytes: FIRST_INQUIRY })

/** Channels and targets (drivers/scsi/storvsc_drv.c, storvsc_probe): one of each on a bus before 2.4. */
function targetsOf({ state, deps }: StorageContext): UnitAt[] {
  const { controller } = state
  const early = deps.version() < Version.v2_4
  const channels = early && controller === 'scsi' ? 1 : 8
  const perChannel = controller === 'fc' ? 128 : early ? 1 : 2
  return Array.from({ length: channels * perChannel }, (_, index) => ({
    path: Math.floor(index / perChannel),
    target: index % perChannel,
    lun: 0,
  }))
}

/** Every place where a unit can be: `scsi_scan_host`, or the one of an IDE disk. */
export function scanHost(ctx: StorageContext): void {
  const { state } = ctx
  state.scanned = true
  const places: Step[] =
    state.controller === 'ide'
      ? [lookAt({ path: 0, target: ideAddress(state.instanceId).target, lun: 0 })]
      : targetsOf(ctx).map((at) => ({ do: 'target', at }))
  state.steps.push(...places, { do: 'attach' })
}

/**
 * The host says that something changed: known units are tried, so that those that went are noticed, and all places looked
 * at again (drivers/scsi/storvsc_drv.c, storvsc_host_scan).
 */
export function scanAgain(ctx: StorageContext): void {
  const { state } = ctx
  // One more look at everything is enough, however often the host says so.
  if (state.steps.some((step) => step.do === 'attach')) return
  state.steps.push(...state.units.map(({ path, target, lun }): Step => ({ do: 'test', at: { path, target, lun } })))
  scanHost(ctx)
}

const text = (data: Uint8Array, from: number, to: number): string =>
  String.fromCodePoint(...data.subarray(from, to)).trim()

/** A unit that is known is not looked at again, only what else its target has (scsi_scan.c, __scsi_scan_target). */
export const targetLook = ({ state }: StorageContext, at: UnitAt): Step =>
  unitOf(state, at) === undefined ? lookAt(at) : { do: 'report', at }

/** Standard INQUIRY data: asked for twice when there is more of it than the first look can hold. */
export function inquired(
  ctx: StorageContext,
  step: Extract<Step, { do: 'inquiry' }>,
  data: Uint8Array,
  result: RequestResult,
): Step[] {
  const { state } = ctx
  const { at, bytes } = step
  if (!isGood(result)) return []
  const length = (data[4] ?? 0) + 5
  if (bytes === FIRST_INQUIRY && length > FIRST_INQUIRY && length <= MAX_INQUIRY)
    return [{ do: 'inquiry', at, bytes: length }]
  const report: Step[] = at.lun === 0 && state.controller !== 'ide' ? [{ do: 'report', at }] : []
  const first = data[0] ?? 0
  if (first >>> 5 === NO_UNIT) return report
  if (unitOf(state, at) === undefined)
    state.units.push({
      ...at,
      type: first & 0x1f,
      vendor: text(data, 8, 16),
      model: text(data, 16, 32),
      tagged: ((data[2] ?? 0) & 7) >= SCSI_2 && ((data[7] ?? 0) & COMMAND_QUEUE) !== 0,
      name: '',
      ready: false,
      blocks: 0,
      blockSize: 512,
      physicalBlockSize: 512,
      unmap: false,
      writeCache: false,
      readOnly: false,
    })
  return [...keptPages(ctx, at), ...report]
}

/** REPORT LUNS: those that are not known are looked at. */
export function reported({ state }: StorageContext, at: UnitAt, data: Uint8Array, result: RequestResult): Step[] {
  if (!isGood(result)) return []
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const count = Math.floor(Math.min(view.getUint32(0), data.length - 8) / 8)
  const luns = new Set<number>()
  for (let index = 0; index < count; index++) luns.add(view.getUint16(8 + index * 8))
  return [...luns]
    .filter((lun) => lun !== 0 && lun < MAX_LUN && unitOf(state, { ...at, lun }) === undefined)
    .map((lun) => lookAt({ ...at, lun }))
}
