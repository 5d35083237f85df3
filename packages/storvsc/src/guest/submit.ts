import type { PageRange } from '@vmbus/core'
import { StorvscError } from '../errors.ts'
import { CDB_BYTES } from '../protocol/index.ts'
import { transferCdb, unmapCdb, unmapList } from './commands.ts'
import type { GuestContext } from './context.ts'
import type { ScsiCommand, UnitAddress } from './options.ts'
import { accept } from './requests.ts'
import type { Disk } from './state.ts'

/** Sectors that a guest gives back. */
export interface SectorRange {
  readonly sector: number
  readonly count: number
}

const PAGE = 4096

const diskAt = (ctx: GuestContext, at: UnitAddress): Disk => {
  const { path = 0, target = 0, lun = 0 } = at
  const disk = ctx.state.disks.find((each) => each.path === path && each.target === target && each.lun === lun)
  if (disk === undefined || disk.sectorSize === 0)
    throw new StorvscError('VMBUS_STORVSC_REQUEST', 'unit', `${path}:${target}:${lun}`, 'a disk that was found')
  return disk
}

const NO_PAGES: readonly number[] = []

/** `pages` are the driver's own, which go with the request. */
export const submit = (ctx: GuestContext, command: ScsiCommand, pages = NO_PAGES): number => {
  const { cdb } = command
  if (cdb.length < 6 || cdb.length > CDB_BYTES)
    throw new StorvscError('VMBUS_STORVSC_REQUEST', 'cdb', cdb.length, `6 to ${CDB_BYTES} bytes`)
  return begin(ctx, command, { ...command, cdb: cdb.slice() }, pages)
}

/** Takes over a request whose CDB is the driver's own. */
const begin = (
  ctx: GuestContext,
  { path = 0, target = 0, lun = 0 }: UnitAddress,
  command: ScsiCommand,
  pages = NO_PAGES,
): number => {
  const { cdb, buffer } = command
  if (
    buffer !== undefined &&
    (buffer.byteOffset >= PAGE || buffer.pfns.length !== Math.ceil((buffer.byteOffset + buffer.byteCount) / PAGE))
  ) {
    throw new StorvscError('VMBUS_STORVSC_REQUEST', 'pfns', buffer.pfns.length, 'ceil((byteOffset + byteCount) / 4096)')
  }
  if (ctx.state.phase === 'gone')
    throw new StorvscError('VMBUS_STORVSC_REQUEST', 'phase', 'gone', 'a controller that is there')
  const id = ctx.state.nextId++
  accept(ctx, {
    id,
    own: false,
    path,
    target,
    lun,
    cdb,
    direction: command.direction ?? 'none',
    buffer:
      buffer === undefined
        ? null
        : { byteOffset: buffer.byteOffset, byteCount: buffer.byteCount, pfns: [...buffer.pfns] },
    pages,
    tagged: command.tagged ?? true,
    vp: command.vp ?? null,
    tries: 0,
    channel: -1,
  })
  return id
}

export const transfer = (
  ctx: GuestContext,
  write: boolean,
  at: UnitAddress,
  sector: number,
  buffer: PageRange,
): number => {
  const { sectorSize } = diskAt(ctx, at)
  if (buffer.byteCount === 0 || buffer.byteCount % sectorSize !== 0)
    throw new StorvscError('VMBUS_STORVSC_REQUEST', 'byteCount', buffer.byteCount, `a multiple of ${sectorSize}`)
  const cdb = transferCdb(write, sector, buffer.byteCount / sectorSize)
  return begin(ctx, at, { cdb, direction: write ? 'write' : 'read', buffer })
}

export const unmap = (ctx: GuestContext, at: UnitAddress, ranges: readonly SectorRange[]): number => {
  diskAt(ctx, at)
  const list = unmapList(ranges)
  if (list.length > PAGE) throw new StorvscError('VMBUS_STORVSC_REQUEST', 'ranges', ranges.length, 'at most 255')
  const { memory, pages } = ctx.deps
  const pfns = pages.allocate(1)
  memory.bytes.set(list, (pfns[0] ?? 0) * PAGE)
  const buffer = { byteOffset: 0, byteCount: list.length, pfns }
  return submit(ctx, { ...at, cdb: unmapCdb(list.length), direction: 'write', buffer }, pfns)
}
