import fc from 'fast-check'
import { arrive, byGuest, byHost, fails, works } from './arrive.ts'
import type { Probe } from './probe.ts'

/** 100 µs: the time of an interrupt, and some more. */
const BOUND = 1000
const AHEAD_SECONDS = 2

/** Version 4.0 of time synchronisation carries the reference time at which a sample was taken. */
export const timeAccuracyProbe: Probe = {
  id: 'time-accuracy',
  feature: 'time-accuracy',
  version: 1,
  world: 'services',
  devices: ['timesync'],
  machine: { clockAhead: AHEAD_SECONDS },
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
    const host = stage.device('timesync')
    const { message, expected } = host.inspect()
    if (message !== '4.0') {
      const isHost = expected === undefined
      const text = `time synchronisation is ${typeof message === 'string' ? message : 'not agreed on'}, without the time of a sample`
      return isHost
        ? { outcome: 'not-offered', reason: text, decidedBy: byHost('timesync') }
        : fails(text, byGuest('timesync'))
    }
    const end = await stage.property('accurate', fc.integer({ min: 1, max: 40 }), async (seconds) => {
      const before = host.counts
      host.sync()
      await stage.run(seconds)
      const { syncs, samples, refused } = host.counts
      if (syncs === before.syncs) return 'no sync was taken'
      if (refused > before.refused) return 'a fresh sample was refused'
      if (seconds > 10 && samples === before.samples) return 'no samples'
      return Math.abs(stage.clock().off()) <= BOUND || `the clock is off by ${stage.clock().off() / 10} µs`
    })
    return end.held ? works : fails(end.reason, byGuest('timesync'))
  },
}
