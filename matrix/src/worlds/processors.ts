import type { Host } from '@vmbus/host'

/** Processors whose interrupt controller for the bus is on. */
export function processorsOf({ partition }: Host): number {
  const { processors } = partition.inspect()
  const all: readonly unknown[] = typeof processors === 'object' && processors !== null ? Object.values(processors) : []
  return all.filter((vp) => typeof vp === 'object' && vp !== null && 'synic' in vp && vp.synic === true).length
}
