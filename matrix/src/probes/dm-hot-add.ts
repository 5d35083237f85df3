import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import { accounts, byHotAdd, changed, memoryReady } from './memory.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** 128 MiB: Linux's blocks, at a multiple of which memory is added (include/asm/sparsemem.h, SECTION_SIZE_BITS). */
const BLOCK = 32_768

/** Goes on where the last one ended, to the end of the block at most. */
async function added(stage: Stage, pages: number): Promise<boolean | string> {
  const host = stage.device('balloon')
  const [before, total] = [host.hotAddedPages, stage.memory().total]
  const count = Math.min(pages, BLOCK - (before % BLOCK))
  const start = Math.ceil(stage.bootPages / BLOCK) * BLOCK + before
  const problem = await changed(stage, 'hot-add', () => host.hotAdd({ start, count }))
  if (problem !== '') return problem
  const came = host.hotAddedPages - before
  if (came !== count) return `of ${count} pages ${came} came`
  if (stage.memory().total - total !== count) return 'the guest does not count what came'
  return accounts(stage) || true
}

export const dmHotAddProbe: Probe = {
  id: 'dm-hot-add',
  feature: 'dm-hot-add',
  version: 1,
  world: 'memory',
  reads: {
    linux: ['vmbus', 'balloon', 'hotAdd', 'memoryHotplug'],
    freebsd: ['vmbus'],
    windows: ['vmbus', 'balloon'],
    host: ['vmbus', 'balloon'],
  },
  notReal: 'no-hot-add',
  bytes: ['balloon'],
  control: { hotAdd: false },
  async measure(stage) {
    const found = await arrive(stage, 'balloon')
    if (found !== undefined) return found
    if (!(await memoryReady(stage))) return fails('dynamic memory is not agreed on', byGuest('balloon'))
    const end = await stage.property('adds', fc.integer({ min: 1, max: 8 }), (chunks) => added(stage, chunks * 512))
    return end.held ? works : fails(end.reason, byHotAdd(stage))
  },
}
