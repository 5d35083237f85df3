import type { BlockDevice, BlockRequest, BlockStatus, QueuedDisk } from '@vmbus/disk'
import type { GuestBuffer } from './guest-buffer.ts'
import type { Step } from './outcome.ts'

/** A view of guest memory repeated, for WRITE SAME. */
function repeated(buffer: GuestBuffer, bytes: number, count: number): Uint8Array[] | undefined {
  const views = buffer.views(0, bytes)
  if (views === undefined) return undefined
  const list: Uint8Array[] = []
  for (let index = 0; index < count; index++) list.push(...views)
  return list
}

/** Does a step at once. `memory` when the guest's pages are not in RAM: nothing was done then. */
export function perform(disk: BlockDevice, step: Step, buffer: GuestBuffer): BlockStatus | 'memory' {
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
      const views = repeated(buffer, disk.sectorSize, step.count)
      return views === undefined ? 'memory' : disk.write(step.sector, views)
    }
    case 'discard':
      return disk.discard(step.sector, step.count)
    case 'zero':
      return disk.zero(step.sector, step.count)
    case 'flush':
      return disk.flush()
  }
}

/** Hands a step to a queue. `full` when it has no room: nothing was done then. */
export function enqueue(
  queue: QueuedDisk,
  step: Step,
  slot: number,
  now: number,
  buffer: GuestBuffer,
): 'queued' | 'full' | 'memory' {
  const request = requestOf(queue.disk, step, buffer)
  if (request === undefined) return 'memory'
  if (!queue.submit(request, slot, now)) return 'full'
  // A queue transfers when it is given the request, and completes later.
  if (step.op === 'read') buffer.wrote(step.offset, step.length)
  return 'queued'
}

function requestOf(disk: BlockDevice, step: Step, buffer: GuestBuffer): BlockRequest | undefined {
  switch (step.op) {
    case 'read':
    case 'write': {
      const views = buffer.views(step.offset, step.length)
      return views && { operation: step.op, sector: step.sector, buffers: [...views] }
    }
    case 'same': {
      const views = repeated(buffer, disk.sectorSize, step.count)
      return views && { operation: 'write', sector: step.sector, buffers: views }
    }
    case 'discard':
    case 'zero':
      return { operation: step.op, sector: step.sector, count: step.count }
    case 'flush':
      return { operation: 'flush' }
  }
}
