import { Vpd } from '../protocol/index.ts'
import type { GuestContext } from './context.ts'
import { inquiryCdb, modeSenseCdb, readCapacity16Cdb, reportLunsCdb } from './commands.ts'
import { accept } from './requests.ts'
import type { RequestResult } from './result.ts'
import type { Disk, RequestRecord, Stage, Task, UnitAt } from './state.ts'

const PAGE = 4096
const ABSENT = 0x7f
const DVD = 0x05
const MAX_LUN = 255
const WRITE_PROTECT = 0x80
const NAA = 0x03
/** Bytes that each command asks for. */
const ROOM: Readonly<Record<Stage, number>> = { report: PAGE, inquiry: 96, identify: 252, mode: 192, capacity: 32 }

/** Where units may be (Linux storvsc_drv.c: SCSI 8 channels of 2 targets, FC 8 of 128). */
function targets(ctx: GuestContext): Task[] {
  if (ctx.kind === 'ide') return [{ kind: 'lun', path: 0, target: ctx.ideTarget, lun: 0 }]
  const perPath = ctx.kind === 'fc' ? 128 : 2
  return Array.from({ length: 8 * perPath }, (_, index): Task => ({
    kind: 'target',
    path: Math.floor(index / perPath),
    target: index % perPath,
  }))
}

/** Looks everywhere: after set-up, and when the host says that units came or went. */
export function scanAll(ctx: GuestContext): void {
  enqueue(ctx, targets(ctx))
}

/** Looks at one unit again: its capacity, or what it is, has changed. */
export function rescanUnit(ctx: GuestContext, { path, target, lun }: UnitAt): void {
  if (ctx.scans) enqueue(ctx, [{ kind: 'lun', path, target, lun }])
}

const same = (a: Task, b: Task): boolean =>
  a.kind === b.kind &&
  a.path === b.path &&
  a.target === b.target &&
  (a.kind === 'target' || a.lun === (b as typeof a).lun)

function enqueue(ctx: GuestContext, tasks: readonly Task[]): void {
  const { state } = ctx
  if (state.scan === null) {
    const [pfn] = ctx.deps.pages.allocate(1)
    if (pfn === undefined) return
    state.scan = { tasks: [], task: null, stage: 'report', found: null, request: 0, pfn }
  }
  const { scan } = state
  // However often a host reports changes, the list holds each address once.
  for (const task of tasks) if (!scan.tasks.some((each) => same(each, task))) scan.tasks.push(task)
  if (scan.task === null) next(ctx)
}

function next(ctx: GuestContext): void {
  const { scan } = ctx.state
  if (scan === null) return
  scan.task = scan.tasks.shift() ?? null
  scan.found = null
  if (scan.task === null) return stop(ctx)
  command(ctx, scan.task.kind === 'target' ? 'report' : 'inquiry')
}

/** Gives the page back. Whoever calls it has no command of the search in flight. */
export function stop(ctx: GuestContext): void {
  const { scan } = ctx.state
  if (scan === null) return
  ctx.state.scan = null
  ctx.deps.pages.free([scan.pfn])
}

function cdbOf(stage: Stage): Uint8Array {
  switch (stage) {
    case 'report':
      return reportLunsCdb(ROOM.report)
    case 'inquiry':
      return inquiryCdb(ROOM.inquiry)
    case 'identify':
      return inquiryCdb(ROOM.identify, Vpd.identifiers)
    case 'mode':
      return modeSenseCdb(ROOM.mode)
    case 'capacity':
      return readCapacity16Cdb(ROOM.capacity)
  }
}

function command(ctx: GuestContext, stage: Stage): void {
  const { scan } = ctx.state
  if (scan === null || scan.task === null) return
  scan.stage = stage
  const { task } = scan
  ctx.deps.memory.bytes.fill(0, scan.pfn * PAGE, scan.pfn * PAGE + ROOM[stage])
  const id = ctx.state.nextId++
  scan.request = id
  accept(ctx, {
    id,
    own: true,
    path: task.path,
    target: task.target,
    lun: task.kind === 'lun' ? task.lun : 0,
    cdb: cdbOf(stage),
    direction: 'read',
    buffer: { byteOffset: 0, byteCount: ROOM[stage], pfns: [scan.pfn] },
    pages: [],
    tagged: true,
    vp: 0,
    tries: 0,
    channel: -1,
  })
}

/** A command of the search ended. The data is copied before it is looked at. */
export function scanned(ctx: GuestContext, request: RequestRecord, result: RequestResult): void {
  const { scan, phase } = ctx.state
  if (scan === null || scan.request !== request.id) return
  if (phase !== 'ready') return stop(ctx)
  const data = ctx.deps.memory.bytes.slice(scan.pfn * PAGE, scan.pfn * PAGE + ROOM[scan.stage])
  const good = result.outcome === 'good'
  if (scan.task?.kind === 'target') {
    if (good) report(ctx, scan.task.path, scan.task.target, data)
    return next(ctx)
  }
  unit(ctx, good, data, result.transferred)
}

/** REPORT LUNS: what is listed is looked at, what is known and not listed is gone. */
function report(ctx: GuestContext, path: number, target: number, data: Uint8Array): void {
  const view = new DataView(data.buffer)
  const count = Math.floor(Math.min(view.getUint32(0), data.length - 8) / 8)
  const listed = new Set<number>()
  for (let index = 0; index < count; index++) {
    const lun = view.getUint16(8 + index * 8)
    if (lun <= MAX_LUN) listed.add(lun)
  }
  for (const disk of ctx.state.disks)
    if (disk.path === path && disk.target === target && !listed.has(disk.lun)) forgetUnit(ctx, disk)
  ctx.state.scan?.tasks.unshift(...[...listed].map((lun): Task => ({ kind: 'lun', path, target, lun })))
}

function unit(ctx: GuestContext, good: boolean, data: Uint8Array, length: number): void {
  const { scan } = ctx.state
  if (scan?.task?.kind !== 'lun') return
  const { path, target, lun } = scan.task
  const { found } = scan
  if (scan.stage === 'inquiry') {
    if (!good || data[0] === ABSENT) {
      forgetUnit(ctx, scan.task)
      return next(ctx)
    }
    const text = (from: number, to: number): string => String.fromCharCode(...data.subarray(from, to)).trim()
    scan.found = {
      path,
      target,
      lun,
      deviceType: (data[0] ?? 0) & 0x1f,
      vendor: text(8, 16),
      product: text(16, 32),
      revision: text(32, 36),
      wwn: '',
      sectors: 0,
      sectorSize: 0,
      physicalSectorSize: 0,
      unmap: false,
      readOnly: false,
    }
    return command(ctx, 'identify')
  }
  if (found === null) return next(ctx)
  if (scan.stage === 'identify') {
    if (good) scan.found = { ...found, wwn: naaName(data.subarray(0, length)) }
    if (found.deviceType !== DVD) return command(ctx, 'mode')
    keep(ctx, scan.found ?? found)
    return next(ctx)
  }
  if (scan.stage === 'mode') {
    if (good) scan.found = { ...found, readOnly: ((data[2] ?? 0) & WRITE_PROTECT) !== 0 }
    return command(ctx, 'capacity')
  }
  keep(ctx, good ? withCapacity(found, data) : found)
  next(ctx)
}

/** The NAA designator of page 0x83, hexadecimal. */
function naaName(page: Uint8Array): string {
  const end = Math.min(page.length, 4 + (((page[2] ?? 0) << 8) | (page[3] ?? 0)))
  for (let at = 4; at + 4 <= end;) {
    const length = page[at + 3] ?? 0
    if (((page[at + 1] ?? 0) & 0x0f) === NAA && at + 4 + length <= end) {
      return Array.from(page.subarray(at + 4, at + 4 + length), (byte) => byte.toString(16).padStart(2, '0')).join('')
    }
    at += 4 + length
  }
  return ''
}

function withCapacity(disk: Disk, data: Uint8Array): Disk {
  const view = new DataView(data.buffer)
  const sectors = view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4) + 1
  const sectorSize = view.getUint32(8)
  // A size that no disk has: the unit is there, but not usable.
  if (!Number.isSafeInteger(sectors) || (sectorSize !== 512 && sectorSize !== 4096)) return disk
  return {
    ...disk,
    sectors,
    sectorSize,
    physicalSectorSize: sectorSize * 2 ** ((data[13] ?? 0) & 0x0f),
    unmap: ((data[14] ?? 0) & 0x80) !== 0,
  }
}

const sameUnit = (a: UnitAt, b: UnitAt): boolean => a.path === b.path && a.target === b.target && a.lun === b.lun

/** The unit is there, new or changed. */
function keep(ctx: GuestContext, disk: Disk): void {
  const { state } = ctx
  const index = state.disks.findIndex((each) => sameUnit(each, disk))
  const before = state.disks[index]
  if (before === undefined) state.disks.push(disk)
  else state.disks[index] = disk
  if (before === undefined || JSON.stringify(before) !== JSON.stringify(disk)) ctx.appeared(disk)
}

/** The unit is not there, or was removed. */
export function forgetUnit(ctx: GuestContext, unitAt: UnitAt): void {
  const disk = ctx.state.disks.find((each) => sameUnit(each, unitAt))
  if (disk === undefined) return
  ctx.state.disks = ctx.state.disks.filter((each) => each !== disk)
  ctx.disappeared(disk)
}
