import { DmVersion } from '@vmbus/balloon/protocol'
import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import { accounts, byHotAdd, changed, memoryReady } from './memory.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

const BLOCK = 32_768
/** Pages that the machine shall have, less or more than it began with. */
const sizes = fc.array(fc.integer({ min: -1500, max: 1500 }), { minLength: 1, maxLength: 3, size: 'max' })

/** As the host resizes a machine of static memory: what is too much is taken, what lacks is given back and then added. */
async function resized(stage: Stage, target: number): Promise<string> {
  const host = stage.device('balloon')
  const lacks = target - host.assignedPages
  if (lacks < 0) return changed(stage, 'balloon', () => host.balloon(-lacks))
  const back = Math.min(lacks, host.balloonedPages)
  const problem = back === 0 ? '' : await changed(stage, 'unballoon', () => host.unballoon(back))
  if (problem !== '' || lacks === back) return problem
  const start = Math.ceil(stage.bootPages / BLOCK) * BLOCK + host.hotAddedPages
  return changed(stage, 'hot-add', () => host.hotAdd({ start, count: lacks - back }))
}

/**
 * Hosts add memory to a machine without dynamic memory where the guest speaks version 2.0 (Linux b6ddeae1603d, "Enable dynamic
 * memory protocol negotiation with Windows 10 hosts").
 */
export const runtimeMemoryResizeProbe: Probe = {
  id: 'runtime-memory-resize',
  feature: 'runtime-memory-resize',
  version: 2,
  world: 'memory',
  machine: { memoryMB: 128 },
  needs: { field: 'runtime-memory-resize', reason: 'the host resizes no memory while a machine runs' },
  reads: {
    linux: ['vmbus', 'balloon', 'hotAdd', 'memoryHotplug', 'balloonWholeChunks', 'balloonLeavesTotal'],
    freebsd: ['vmbus'],
    windows: ['vmbus', 'balloon'],
    host: ['vmbus', 'balloon'],
  },
  notReal: 'no-hot-add',
  bytes: ['balloon'],
  control: { balloon: [DmVersion.v1_0, DmVersion.v0_3] },
  async measure(stage) {
    const found = await arrive(stage, 'balloon')
    if (found !== undefined) return found
    if (!(await memoryReady(stage))) return fails('dynamic memory is not agreed on', byGuest('balloon'))
    const host = stage.device('balloon')
    const { version } = host.inspect()
    if (version !== '2.0')
      return fails(`dynamic memory ${String(version)} resizes no static memory`, byGuest('balloon'))
    const end = await stage.property('sizes', sizes, async (list) => {
      for (const more of list) {
        const problem = await resized(stage, stage.bootPages + more)
        if (problem !== '') return problem
        if (host.assignedPages !== stage.bootPages + more)
          return `it has ${host.assignedPages} pages of ${stage.bootPages + more}`
        const wrong = accounts(stage)
        if (wrong !== '') return wrong
      }
      return true
    })
    if (end.held) return works
    return fails(end.reason, end.reason.includes('hot-add') ? byHotAdd(stage) : byGuest('balloon'))
  },
}
