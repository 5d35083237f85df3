import type { RequestResult } from '@vmbus/storvsc'
import { MODE_PAGE_CACHING, Vpd } from '@vmbus/storvsc/protocol'
import { EVERY_MODE_PAGE } from './cdb.ts'
import { isGood } from './commands.ts'
import type { StorageContext } from './context.ts'
import { keptPages, pageIfThere } from './pages.ts'
import { changeUnit, sameUnit, unitOf, type Step, type UnitAt } from './state.ts'

const DISK = 0
/** Bytes that the disk driver takes of a page (drivers/scsi/sd.c, sd_read_block_provisioning, sd_read_block_limits). */
const PROVISIONING_BYTES = 8
const LIMITS_BYTES = 64
/** Concurrent positioning ranges (drivers/scsi/sd.c, sd_read_cpr, from Linux 5.16). */
const POSITIONING_RANGES = 0xb9
const MODE_HEADER = 4
const WRITE_PROTECT = 0x80
const WRITE_CACHE = 0x04
const BLOCK_SIZES: readonly number[] = [512, 1024, 2048, 4096]

/**
 * What the readers of partition tables look at on a disk that has none: the first page, the rest of the first 16 blocks
 * (block/partitions/amiga.c), block 31 (block/partitions/ultrix.c); a page at a time, in blocks of 512 bytes.
 */
const PARTITION_PAGES: readonly number[] = [0, 8, 24]
const SIGNATURE_AT = 510

/** Everything that the disk driver wants to know (drivers/scsi/sd.c, sd_revalidate_disk). */
function revalidate(ctx: StorageContext, at: UnitAt, isFirst: boolean): Step[] {
  const { vpd, sizedPages } = ctx.options
  return [
    { do: 'test', at },
    // Only of SPC-3 is the long form the first (drivers/scsi/sd.c, sd_try_rc16_first).
    { do: 'capacity', at, long: vpd },
    // The newer driver has these pages from the midlayer.
    ...(sizedPages || !vpd
      ? []
      : [
          pageIfThere(ctx, at, Vpd.provisioning, PROVISIONING_BYTES),
          pageIfThere(ctx, at, Vpd.blockLimits, LIMITS_BYTES),
          pageIfThere(ctx, at, Vpd.characteristics, LIMITS_BYTES),
        ]),
    ...(sizedPages && !isFirst ? [pageIfThere(ctx, at, POSITIONING_RANGES, 0)] : []),
    { do: 'mode', at, page: EVERY_MODE_PAGE, bytes: MODE_HEADER },
    { do: 'mode', at, page: MODE_PAGE_CACHING, bytes: MODE_HEADER },
  ]
}

/** The disk driver takes the disks that were found (drivers/scsi/sd.c, sd_probe). */
export function attach(ctx: StorageContext): Step[] {
  const { state, hosts } = ctx
  const found = state.units.filter(({ type, name }) => type === DISK && name === '')
  return found.flatMap((unit) => {
    const { path, target, lun } = unit
    const at = { path, target, lun }
    changeUnit(state, at, { name: hosts.addDisk() })
    const partitions = PARTITION_PAGES.map((sector): Step => ({ do: 'partitions', at, sector }))
    const again = revalidate(ctx, at, false)
    return [
      ...revalidate(ctx, at, true),
      ...again,
      ...partitions,
      // The older driver looks once more when the disk is there.
      ...(ctx.options.sizedPages ? [] : again),
      { do: 'usable', at },
    ]
  })
}

/** A unit is not what it was (drivers/scsi/scsi_scan.c, scsi_rescan_device). */
export function rescanUnit(ctx: StorageContext, at: UnitAt): void {
  const { state } = ctx
  const unit = unitOf(state, at)
  if (unit === undefined || state.steps.some((step) => step.do === 'usable' && sameUnit(step.at, at))) return
  state.steps.push(...keptPages(ctx, at), ...(unit.name === '' ? [] : revalidate(ctx, at, false)), { do: 'usable', at })
}

/** Tries of the flush with which a disk goes (drivers/scsi/sd.c, sd_sync_cache). */
const LAST_FLUSHES = 3

/** A unit answered that it is not there: it is taken down after what is under way (storvsc_drv.c, storvsc_remove_lun). */
export function removeUnit({ state }: StorageContext, at: UnitAt): void {
  if (unitOf(state, at) === undefined || state.steps.some((step) => step.do === 'remove' && sameUnit(step.at, at)))
    return
  state.steps.push({ do: 'remove', at })
}

/** The disk driver lets go of its disk (drivers/scsi/sd.c, sd_shutdown). */
export function takeDown({ state }: StorageContext, at: UnitAt): Step[] {
  const unit = unitOf(state, at)
  const flushes = unit?.name !== '' && unit?.writeCache === true
  return [...(flushes ? [{ do: 'flush', at, tries: LAST_FLUSHES } as const] : []), { do: 'removed', at }]
}

export function capacityRead(
  { state, options: { vpd } }: StorageContext,
  step: Extract<Step, { do: 'capacity' }>,
  data: Uint8Array,
  result: RequestResult,
): Step[] {
  const { at, long } = step
  if (!isGood(result)) {
    if (long && vpd) return [{ do: 'capacity', at, long: false }]
    changeUnit(state, at, { blocks: 0 })
    return []
  }
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  // More blocks than the short form has room for.
  if (!long && !vpd && view.getUint32(0) === 0xffff_ffff) return [{ do: 'capacity', at, long: true }]
  const blocks = (long ? Number(view.getBigUint64(0)) : view.getUint32(0)) + 1
  const blockSize = view.getUint32(long ? 8 : 4)
  // A size that no disk has: it is there, but not usable.
  if (!Number.isSafeInteger(blocks * blockSize) || !BLOCK_SIZES.includes(blockSize)) {
    changeUnit(state, at, { blocks: 0 })
    return []
  }
  changeUnit(state, at, {
    blocks,
    blockSize,
    physicalBlockSize: long ? blockSize * 2 ** ((data[13] ?? 0) & 0x0f) : blockSize,
    unmap: vpd && long && ((data[14] ?? 0) & 0x80) !== 0,
  })
  return []
}

/** The caching page is asked for twice: its header says how long it is (drivers/scsi/sd.c, sd_read_cache_type). */
export function modeRead(
  { state }: StorageContext,
  step: Extract<Step, { do: 'mode' }>,
  data: Uint8Array,
  result: RequestResult,
): Step[] {
  const { at, page, bytes } = step
  if (!isGood(result)) return []
  if (page === EVERY_MODE_PAGE) {
    changeUnit(state, at, { readOnly: ((data[2] ?? 0) & WRITE_PROTECT) !== 0 })
    return []
  }
  const length = (data[0] ?? 0) + 1
  if (bytes === MODE_HEADER) return length > MODE_HEADER ? [{ do: 'mode', at, page, bytes: length }] : []
  const flags = data[MODE_HEADER + (data[3] ?? 0) + 2] ?? 0
  changeUnit(state, at, { writeCache: (flags & WRITE_CACHE) !== 0 })
  return []
}

/** A table in the first page ends the search for one. */
export function partitionsRead(
  { state }: StorageContext,
  step: Extract<Step, { do: 'partitions' }>,
  data: Uint8Array,
): void {
  const isTable = data[SIGNATURE_AT] === 0x55 && data[SIGNATURE_AT + 1] === 0xaa
  if (step.sector !== 0 || !isTable) return
  state.steps = state.steps.filter((each) => each.do !== 'partitions' || !sameUnit(each.at, step.at))
}
