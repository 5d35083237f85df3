import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Action } from './model/actions.ts'
import { actions, live, setups } from './model.ts'

test('any life of an adapter keeps every frame, section and completion', { timeout: 120_000 }, () => {
  fc.assert(fc.property(setups, actions, live), { seed: 3, numRuns: 50 })
})

test('completions that wait while frames wait for more room go as soon as they fit', () => {
  const guest = { channels: 1, ringPages: 2, pageRanges: false, rsc: false, sendBufferBytes: 1 << 20 }
  const setup = { interrupts: 'deferred', saves: false, vps: 1, pages: 512, host: { queues: 1 }, guest } as const
  const life: Action[] = [
    { kind: 'settle' },
    { kind: 'raw-query', oid: 0xfc01_020d, offset: -8, length: -8 },
    { kind: 'peer-sends', form: 'plain', length: 60, flow: 0, to: 'guest' },
    { kind: 'guest-bursts', count: 141, queue: 0, fills: false },
    { kind: 'guest-sends', form: 'plain', length: 60, flow: 0, more: false, queue: 0 },
    { kind: 'garble', of: 'frame', damage: { word: 0, how: 'set', value: 0 } },
    { kind: 'silence', sends: false, stops: false },
  ]
  expect(() => live({ ...setup, settings: { versions: [0x3_0002] } }, life)).not.toThrow()
})
