import { ws2022 } from '@vmbus/host'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import { control, type ControlOptions } from '../src/run/control.ts'

const guest = guestOf('debian 12')
if (!isGuest(guest)) throw new Error(guest.reason)
/** Typed by hand: what is red without the capability of each probe. */
const RED: Readonly<Record<string, readonly string[]>> = {
  core: ['core'],
  'time-accuracy': ['time-accuracy'],
  'vcpu-256': ['vcpu-256'],
  // Its capability is the network adapter's protocol.
  'live-migration': ['core', 'live-migration', 'static-ip-injection'],
  'static-ip-injection': ['static-ip-injection'],
  'live-backup': ['live-backup'],
  'dm-hot-add': ['dm-hot-add', 'runtime-memory-resize'],
  'dm-ballooning': ['dm-hot-add', 'dm-ballooning', 'runtime-memory-resize'],
  'runtime-memory-resize': ['dm-hot-add', 'runtime-memory-resize'],
  kvp: ['static-ip-injection', 'kvp'],
  'file-copy': ['file-copy'],
  lsvmbus: ['lsvmbus'],
}

const among = PROBES.filter(({ id }) => id in RED)
const options: ControlOptions = { guest, profile: ws2022, seed: 2, runs: 1, among }

test('every probe is green before anything is taken away', async () => {
  const nothing = { ...PROBES[0]!, id: 'nothing', control: {} }
  expect(await control(nothing, options)).toEqual([])
})

test.each(among.map((probe) => [probe.id, probe] as const))(
  'without its capability %s is red, and so are those alone that need it',
  async (id, probe) => {
    const red = await control(probe, options)
    expect(red.map((execution) => execution.probe)).toEqual(RED[id])
    expect(red.filter(({ outcome }) => outcome === 'error' || outcome === 'guest-hung')).toEqual([])
  },
)
