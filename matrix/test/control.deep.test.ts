import { hostProfile } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { without } from '../src/run/control.ts'
import { CONTROLS } from './losses.ts'

test('every probe is green before anything is taken away, and its control touches no probe but those of the table', async () => {
  const [guest, profile] = [guestOf('ubuntu 24.04'), hostProfile('ws2022')]
  if (!isGuest(guest) || profile === undefined) throw new Error('not known')
  const options = { guest, profile, seed: 4, runs: 1, among: PROBES }
  expect(await without({}, options)).toEqual([])
  const found: Record<string, string[]> = {}
  for (const { id, control } of PROBES)
    found[id] = (await without(control, options)).map(({ probe, outcome, reason }) =>
      outcome === 'error' ? `${probe}: ${reason}` : probe,
    )
  expect(found).toEqual(Object.fromEntries(Object.entries(CONTROLS).map(([id, red]) => [id, Object.keys(red)])))
}, 240_000)
