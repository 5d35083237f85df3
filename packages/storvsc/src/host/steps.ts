import type { BlockDevice, BlockRequest, QueuedDisk } from '@vmbus/disk'
import type { GuestBuffer } from './guest-buffer.ts'
import type { Step, StepStatus } from './command-result.ts'

/** Does the steps of plans with the pages that are bound to a controller's buffer. */
export interface Steps {
  /** Does a step at once. `memory` when the guest's pages are not in RAM: nothing was done then. */
  perform(disk: BlockDevice, step: Step): StepStatus
  /**
   * Hands a step to a queue, which transfers now and completes later. `full` when it has no room: nothing was done then,
   * nor for `memory`. `miscompare` when it was queued and other data was read than the guest's.
   */
  enqueue(queue: QueuedDisk, step: Step, slot: number, now: number): 'queued' | 'full' | 'memory' | 'miscompare'
}

type Verify = Extract<Step, { op: 'verify' }>

export function steps(buffer: GuestBuffer): Steps {
  /** What was read back, for the step at hand. */
  let scratch = new Uint8Array(0)

  /** A view of guest memory repeated, for WRITE SAME. */
  const repeated = (bytes: number, count: number): Uint8Array[] | undefined => {
    const views = buffer.views(0, bytes)
    if (views === undefined) return undefined
    const list: Uint8Array[] = []
    for (let index = 0; index < count; index++) list.push(...views)
    return list
  }

  const readBack = (bytes: number): Uint8Array => {
    if (scratch.length < bytes) scratch = new Uint8Array(bytes)
    return scratch.subarray(0, bytes)
  }

  /** Pages that the guest changed, or took out of RAM, since `present` looked at them count as a miscompare. */
  const matches = ({ compare, offset, count }: Verify, data: Uint8Array): boolean => {
    if (compare === 'nothing') return true
    if (compare === 'all') return buffer.equals(offset, data)
    const sector = data.length / count
    for (let at = 0; at < data.length; at += sector)
      if (!buffer.equals(offset, data.subarray(at, at + sector))) return false
    return true
  }

  const present = ({ compare, offset, count }: Verify, sectorSize: number): boolean =>
    compare === 'nothing' || buffer.views(offset, (compare === 'all' ? count : 1) * sectorSize) !== undefined

  const requestOf = (disk: BlockDevice, step: Exclude<Step, Verify>): BlockRequest | undefined => {
    switch (step.op) {
      case 'read':
      case 'write': {
        const views = buffer.views(step.offset, step.length)
        return views && { operation: step.op, sector: step.sector, buffers: [...views] }
      }
      case 'same': {
        const views = repeated(disk.sectorSize, step.count)
        return views && { operation: 'write', sector: step.sector, buffers: views }
      }
      case 'discard':
      case 'zero':
        return { operation: step.op, sector: step.sector, count: step.count }
      case 'flush':
        return { operation: 'flush' }
    }
  }

  return {
    perform(disk, step) {
      switch (step.op) {
        case 'read': {
          const views = buffer.views(step.offset, step.length)
          if (views === undefined) return 'memory'
          const status = disk.read(step.sector, views)
          // Also after an error: some sectors may have arrived.
          buffer.wrote(step.offset, step.length)
          return status
        }
        case 'write': {
          const views = buffer.views(step.offset, step.length)
          return views === undefined ? 'memory' : disk.write(step.sector, views)
        }
        case 'same': {
          const views = repeated(disk.sectorSize, step.count)
          return views === undefined ? 'memory' : disk.write(step.sector, views)
        }
        case 'verify': {
          if (!present(step, disk.sectorSize)) return 'memory'
          const data = readBack(step.count * disk.sectorSize)
          const status = disk.read(step.sector, [data])
          return status !== 'ok' || matches(step, data) ? status : 'miscompare'
        }
        case 'discard':
          return disk.discard(step.sector, step.count)
        case 'zero':
          return disk.zero(step.sector, step.count)
        case 'flush':
          return disk.flush()
      }
    },
    enqueue(queue, step, slot, now) {
      const { disk } = queue
      if (step.op === 'verify') {
        if (!present(step, disk.sectorSize)) return 'memory'
        const data = readBack(step.count * disk.sectorSize)
        if (!queue.submit({ operation: 'read', sector: step.sector, buffers: [data] }, slot, now)) return 'full'
        return matches(step, data) ? 'queued' : 'miscompare'
      }
      const request = requestOf(disk, step)
      if (request === undefined) return 'memory'
      if (!queue.submit(request, slot, now)) return 'full'
      if (step.op === 'read') buffer.wrote(step.offset, step.length)
      return 'queued'
    },
  }
}
