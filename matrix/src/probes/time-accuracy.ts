import fc from 'fast-check'
import { arrive, byGuest, byHost, fails, works } from './arrive.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** 100 µs. */
const BOUND = 1000
const AHEAD_SECONDS = 2
/** Interrupts are under way for 1 to 5 ms, by which a clock that is set to the time of a sample is late. */
const DELAY = { min: 10_000, max: 50_000 }

async function accurate(stage: Stage, seconds: number): Promise<boolean | string> {
  const host = stage.device('timesync')
  const before = host.counts
  host.sync()
  await stage.run(seconds)
  const { syncs, samples, refused } = host.counts
  if (syncs === before.syncs) return 'no sync was taken'
  if (refused > before.refused) return 'a fresh sample was refused'
  if (seconds > 10 && samples === before.samples) return 'no samples'
  return Math.abs(stage.clock().off()) <= BOUND || `the clock is off by ${stage.clock().off() / 10} µs`
}

/** Version 4.0 of time synchronisation carries the reference time at which a sample was taken, so that no delay counts. */
export const timeAccuracyProbe: Probe = {
  id: 'time-accuracy',
  feature: 'time-accuracy',
  version: 2,
  world: 'services',
  devices: ['timesync'],
  machine: { clockAhead: AHEAD_SECONDS, interruptDelay: DELAY },
  reads: {
    linux: ['vmbus', 'timesync', 'ptpClock'],
    freebsd: ['vmbus', 'negotiation', 'timesync', 'clockRule'],
    windows: ['vmbus', 'timesync'],
    host: ['vmbus', 'framework', 'timesync'],
  },
  bytes: ['timesync'],
  control: { timesync: { framework: [0x30000], message: [0x30000] } },
  async measure(stage) {
    const found = await arrive(stage, 'timesync')
    if (found !== undefined) return found
    const end = await stage.property('accurate', fc.integer({ min: 1, max: 40 }), (seconds) => accurate(stage, seconds))
    if (end.held) return works
    const { message, expected } = stage.device('timesync').inspect()
    if (message === '4.0') return fails(end.reason, byGuest('timesync'))
    const version = typeof message === 'string' ? message : 'not agreed on'
    const text = `time synchronisation is ${version}, without the time of a sample, and ${end.reason}`
    const isHost = expected === undefined
    return isHost
      ? { outcome: 'not-offered', reason: text, decidedBy: byHost('timesync') }
      : fails(text, byGuest('timesync'))
  },
}
