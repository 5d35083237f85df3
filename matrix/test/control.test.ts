import { ws2022 } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import type { Probe } from '../src/probes/probe.ts'
import { without } from '../src/run/control.ts'
import { CONTROLS, LOSSES, type Loss } from './losses.ts'

const guest = guestOf('ubuntu 24.04')
if (!isGuest(guest)) throw new Error(guest.reason)
const options = { guest, profile: ws2022, seed: 2, runs: 1 }

/** Those that read what is lost: that the others do not change is shown by the deep tests, which play all. */
const readers = (lost: Probe['control']): Probe[] =>
  PROBES.filter(({ reads }) => reads.linux.some((field) => field in lost))

async function redWithout(lost: Probe['control'], among: readonly Probe[]): Promise<Loss['red']> {
  const red = await without(lost, { ...options, among })
  expect(red.filter(({ outcome }) => outcome === 'error' || outcome === 'guest-hung')).toEqual([])
  return Object.fromEntries(red.map(({ probe, decidedBy }) => [probe, decidedBy?.field ?? '']))
}

test.each(PROBES.map((probe) => [probe.id, probe.control] as const))('the control of %s', async (id, lost) => {
  expect(await redWithout(lost, readers(lost))).toEqual(CONTROLS[id])
})

test.each(Object.entries(LOSSES))('without %s', async (_, { lost, red }) => {
  expect(await redWithout(lost, readers(lost))).toEqual(red)
})
