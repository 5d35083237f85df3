import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import { accounts, changed, memoryReady } from './memory.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** Above 2 MiB, to which Linux before 5.6 cuts what it gives up at its floor. */
const FIRST = 1024
const moves = fc.array(fc.record({ take: fc.boolean(), pages: fc.integer({ min: 1, max: 3000 }) }), {
  minLength: 1,
  maxLength: 4,
  size: 'max',
})

async function moved(stage: Stage, list: readonly { take: boolean; pages: number }[]): Promise<boolean | string> {
  const host = stage.device('balloon')
  for (const { take, pages } of list) {
    const before = host.balloonedPages
    const problem = take
      ? await changed(stage, 'balloon', () => host.balloon(pages))
      : await changed(stage, 'unballoon', () => host.unballoon(pages))
    const wrong = problem === '' ? accounts(stage) : problem
    if (wrong !== '') return wrong
    // Less, when it has no more to give, but never more.
    if (Math.abs(host.balloonedPages - before) > pages) return 'more pages move than were asked for'
  }
  return true
}

export const dmBallooningProbe: Probe = {
  id: 'dm-ballooning',
  feature: 'dm-ballooning',
  version: 2,
  world: 'memory',
  reads: {
    linux: ['vmbus', 'balloon', 'balloonWholeChunks', 'balloonLeavesTotal'],
    freebsd: ['vmbus'],
    windows: ['vmbus', 'balloon'],
    host: ['vmbus', 'balloon'],
  },
  bytes: ['balloon'],
  control: { balloon: [0x9_0009] },
  async measure(stage) {
    const found = await arrive(stage, 'balloon')
    if (found !== undefined) return found
    if (!(await memoryReady(stage))) return fails('dynamic memory is not agreed on', byGuest('balloon'))
    const host = stage.device('balloon')
    const first = await changed(stage, 'balloon', () => host.balloon(FIRST))
    if (first !== '' || host.balloonedPages !== FIRST) return fails(first || 'it gives up nothing', byGuest('balloon'))
    const end = await stage.property('moves', moves, (list) => moved(stage, list))
    return end.held ? works : fails(end.reason, byGuest('balloon'))
  },
}
