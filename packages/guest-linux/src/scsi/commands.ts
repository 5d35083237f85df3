import type { RequestResult } from '@vmbus/storvsc'
import {
  inquiry,
  modeSense,
  productData,
  readCapacity,
  reportLuns,
  synchronizeCache,
  testUnitReady,
  transfer,
} from './cdb.ts'
import type { StorageContext } from './context.ts'
import { unitOf, type Step } from './state.ts'

const PAGE = 4096
/** LUN 0 and 511 others (drivers/scsi/scsi_scan.c, scsi_report_lun_scan). */
const REPORT_BYTES = 512 * 8
const BLOCK = 512

/** A step that is a command. */
export type CommandStep = Exclude<Step, { readonly do: 'target' | 'attach' | 'usable' | 'remove' | 'removed' }>

interface Shape {
  readonly cdb: Uint8Array
  /** Bytes that it reads; none without. */
  readonly bytes: number
  /** A page of its own, or the kernel's stack, through a page of its own (block/blk-map.c, blk_rq_map_kern). */
  readonly ownPage: boolean
}

function shapeOf(step: CommandStep, blockSize: number): Shape {
  switch (step.do) {
    case 'inquiry':
      return { cdb: inquiry(step.bytes), bytes: step.bytes, ownPage: false }
    case 'page':
      return { cdb: productData(step.page, step.bytes), bytes: step.bytes, ownPage: step.onStack }
    case 'report':
      return { cdb: reportLuns(REPORT_BYTES), bytes: REPORT_BYTES, ownPage: true }
    case 'test':
      return { cdb: testUnitReady(), bytes: 0, ownPage: false }
    case 'flush':
      return { cdb: synchronizeCache(), bytes: 0, ownPage: false }
    case 'capacity': {
      const bytes = step.long ? 32 : 8
      return { cdb: readCapacity(step.long, bytes), bytes, ownPage: false }
    }
    case 'mode':
      return { cdb: modeSense(step.page, step.bytes), bytes: step.bytes, ownPage: false }
    case 'partitions':
      return {
        cdb: transfer(false, (step.sector * BLOCK) / blockSize, PAGE / blockSize),
        bytes: PAGE,
        ownPage: true,
      }
  }
}

/** A buffer that does not end on the queue's alignment of 4 bytes is copied (block/blk-map.c, blk_rq_aligned). */
const ALIGNMENT = 4

/** Puts the command of a step on its way. */
export function issue(ctx: StorageContext, step: CommandStep): void {
  const { state, deps, options } = ctx
  const unit = unitOf(state, step.at)
  const { cdb, bytes, ownPage } = shapeOf(step, unit?.blockSize ?? BLOCK)
  const tagged = unit?.tagged ?? false
  if (bytes === 0) {
    const request = ctx.driver.submit({ ...step.at, cdb, tagged })
    state.command = { step, request, pfns: [], offset: 0, bytes }
    return
  }
  const offset = ownPage || bytes % ALIGNMENT !== 0 ? 0 : options.slab(state.slabs++, bytes)
  const pfns = deps.pages.allocate(Math.ceil((offset + bytes) / PAGE))
  const buffer = { byteOffset: offset, byteCount: bytes, pfns }
  const request = ctx.driver.submit({ ...step.at, cdb, direction: 'read', buffer, tagged })
  state.command = { step, request, pfns, offset, bytes }
}

/** What the command of the moment has read; its pages are free. Copied before anybody looks at it. */
export function finish(ctx: StorageContext): Uint8Array {
  const { state, deps } = ctx
  const { command } = state
  if (command === null) return new Uint8Array()
  state.command = null
  const { pfns, offset, bytes } = command
  const pages = new Uint8Array(pfns.length * PAGE)
  pfns.forEach((pfn, index) => pages.set(deps.memory.bytes.subarray(pfn * PAGE, (pfn + 1) * PAGE), index * PAGE))
  deps.pages.free(pfns)
  return pages.subarray(offset, offset + bytes)
}

/** The unit did as it was told. */
export const isGood = ({ outcome }: RequestResult): boolean => outcome === 'good'
