import type { GuestDriverDeps } from '@vmbus/core'
import type { Disk, RequestOutcome, StorvscGuest } from '@vmbus/storvsc'
import { OUTCOMES } from '@vmbus/storvsc/guest'
import { bytes, dictionary, integer, list, object, oneOf, optional, type Shape } from '@vmbus/world'

/** Thrown for sectors that are not there, or for a disk that cannot. */
export class FreebsdDiskError extends Error {
  readonly code = 'VMBUS_FREEBSD_DISK'
}

export type IoKind = 'read' | 'write' | 'flush' | 'delete'

/** How a request ended. */
export interface IoResult {
  readonly outcome: RequestOutcome
  /** What a read found, when all of it went well. */
  readonly data?: Uint8Array | undefined
}

/** A request of a disk's owner, which may be several on the wire. */
interface Io {
  readonly kind: IoKind
  readonly pfns: readonly number[]
  readonly bytes: number
  left: number
  /** Of the first that did not end well. */
  outcome: RequestOutcome
}

export interface IoState {
  nextId: number
  io: Record<string, Io>
  /** The owner's request that one on the wire is part of. */
  parts: Record<string, number>
  results: Record<string, IoResult>
}

const outcome = oneOf(...OUTCOMES)
const io: Shape<Io> = object<Io>({
  kind: oneOf('read', 'write', 'flush', 'delete'),
  pfns: list(integer()),
  bytes: integer(),
  left: integer(),
  outcome,
})
export const ioState: Shape<IoState> = object<IoState>({
  nextId: integer(1),
  io: dictionary(io),
  parts: dictionary(integer()),
  results: dictionary(object<IoResult>({ outcome, data: optional(bytes()) })),
})

export const noIo = (): IoState => ({ nextId: 1, io: {}, parts: {}, results: {} })

export interface IoContext {
  readonly deps: GuestDriverDeps
  readonly driver: StorvscGuest
  /** Bytes of the largest request. */
  readonly most: number
  state: IoState
}

const PAGE = 4096

function begin(ctx: IoContext, kind: IoKind, pfns: readonly number[], size: number): [number, Io] {
  const request: Io = { kind, pfns, bytes: size, left: 0, outcome: 'good' }
  const id = ctx.state.nextId++
  ctx.state.io[id] = request
  return [id, request]
}

function part(ctx: IoContext, id: number, request: Io, wire: number): void {
  ctx.state.parts[wire] = id
  request.left++
}

function check({ sectors, sectorSize }: Disk, sector: number, count: number): void {
  const isWhole = Number.isSafeInteger(sector) && Number.isSafeInteger(count)
  if (!isWhole || sector < 0 || count <= 0 || sector + count > sectors)
    throw new FreebsdDiskError(`sectors ${sector} to ${sector + count}: the disk has ${sectors} of ${sectorSize} bytes`)
}

/** Whole sectors through pages of their own, in pieces that the controller takes. */
export function readOrWrite(ctx: IoContext, disk: Disk, sector: number, count: number, data?: Uint8Array): number {
  check(disk, sector, count)
  if (data !== undefined && disk.readOnly) throw new FreebsdDiskError('the disk is write-protected')
  const { deps, driver } = ctx
  const size = count * disk.sectorSize
  const pfns = deps.pages.allocate(Math.ceil(size / PAGE))
  if (data !== undefined)
    for (const [index, pfn] of pfns.entries())
      deps.memory.bytes.set(data.subarray(index * PAGE, (index + 1) * PAGE), pfn * PAGE)
  const [id, request] = begin(ctx, data === undefined ? 'read' : 'write', pfns, size)
  const most = Math.max(PAGE, Math.min(ctx.most, driver.maxTransferBytes) & ~(PAGE - 1))
  for (let done = 0; done < size; done += most) {
    const byteCount = Math.min(most, size - done)
    const buffer = {
      byteOffset: 0,
      byteCount,
      pfns: pfns.slice(done / PAGE, Math.ceil((done + byteCount) / PAGE)),
    }
    const at = sector + done / disk.sectorSize
    part(ctx, id, request, data === undefined ? driver.read(disk, at, buffer) : driver.write(disk, at, buffer))
  }
  return id
}

export function flush(ctx: IoContext, disk: Disk): number {
  const [id, request] = begin(ctx, 'flush', [], 0)
  part(ctx, id, request, ctx.driver.flush(disk))
  return id
}

export function deleteBlocks(ctx: IoContext, disk: Disk, sector: number, count: number): number {
  check(disk, sector, count)
  const [id, request] = begin(ctx, 'delete', [], 0)
  part(ctx, id, request, ctx.driver.unmap(disk, [{ sector, count }]))
  return id
}

/** A request on the wire ended. */
export function partEnded(ctx: IoContext, wire: number, ended: RequestOutcome): void {
  const { state, deps } = ctx
  const id = state.parts[wire]
  const request = id === undefined ? undefined : state.io[id]
  if (id === undefined || request === undefined) return
  delete state.parts[wire]
  request.left--
  if (request.outcome === 'good') request.outcome = ended
  if (request.left > 0) return
  delete state.io[id]
  const { kind, pfns, bytes: size, outcome: whole } = request
  const data = kind === 'read' && whole === 'good' ? gather(ctx, pfns, size) : undefined
  deps.pages.free(pfns)
  state.results[id] = { outcome: whole, ...(data === undefined ? {} : { data }) }
  deps.event('io', { id, kind, outcome: whole })
}

function gather({ deps }: IoContext, pfns: readonly number[], size: number): Uint8Array {
  const data = new Uint8Array(size)
  for (const [index, pfn] of pfns.entries()) {
    const from = index * PAGE
    data.set(deps.memory.bytes.subarray(pfn * PAGE, pfn * PAGE + Math.min(PAGE, size - from)), from)
  }
  return data
}

/** How a request ended, once; undefined while it is under way. */
export function take({ state }: IoContext, id: number): IoResult | undefined {
  const result = state.results[id]
  delete state.results[id]
  return result
}
