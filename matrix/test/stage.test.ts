import { hostProfile, ws2022, type HostProfile } from '@vmbus/host'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { kvpProbe } from '../src/probes/kvp.ts'
import type { Probe } from '../src/probes/probe.ts'
import { execute } from '../src/run/execute.ts'
import { planOf } from '../src/run/plan.ts'

const on = (release: string, profile: HostProfile = ws2022, probe: Probe = kvpProbe, runs = 2) => {
  const guest = guestOf(release)
  if (!isGuest(guest)) throw new Error(guest.reason)
  return execute({ id: 'x', probe, guest, profile, seed: 7, runs })
}
const host = (id: string): HostProfile => {
  const found = hostProfile(id)
  if (found === undefined) throw new Error(id)
  return found
}

describe('one probe on the three families', () => {
  test.each(['rhel 7.9', 'freebsd 13.2', 'windows server 2019'])('%s exchanges keys', async (release) => {
    const first = await on(release)
    expect(first).toMatchObject({ probe: 'kvp', outcome: 'works', reason: '', runs: 2, seed: 7 })
    expect(first.bytes).toBeGreaterThan(1000)
    expect(await on(release)).toEqual(first)
  })

  test('each "no" has its outcome and the field that decides', async () => {
    expect(await on('freebsd 10.0')).toMatchObject({ outcome: 'no-driver', decidedBy: { of: 'guest', field: 'kvp' } })
    // RHEL 8.7 dropped VMBus 0.13 and 1.1; Windows Server 2008 R2 speaks no other.
    expect(await on('rhel 8.7', host('ws2008r2'))).toMatchObject({
      outcome: 'fails',
      decidedBy: { of: 'guest', field: 'vmbus' },
    })
    // Windows 11 runs in generation 2 alone, which began with 2012 R2.
    expect(await on('windows 11 24h2', host('ws2012'))).toMatchObject({
      outcome: 'not-offered',
      decidedBy: { of: 'host', field: 'generations' },
    })
  })
})

const base: Probe = { ...kvpProbe, id: 'own' }

test('a field that is not declared is an error, and so is success without a byte', async () => {
  const reader: Probe = {
    ...base,
    measure: async (stage) => ({ outcome: 'works', reason: String(stage.guest['vss']) }),
  }
  expect(await on('rhel 7.9', ws2022, reader)).toMatchObject({
    outcome: 'error',
    reason: 'the probe reads vss of the guest, which it does not declare',
  })
  const idle: Probe = { ...base, measure: async () => ({ outcome: 'works', reason: '' }) }
  expect(await on('rhel 7.9', ws2022, idle)).toMatchObject({ outcome: 'error', bytes: 0 })
})

test('what a row has beside its probe makes the best outcome partial', async () => {
  expect(await on('rhel 7.9', ws2022, { ...kvpProbe, missing: 'the mouse' })).toMatchObject({
    outcome: 'partial',
    reason: 'without the mouse',
  })
})

test('a property that fails is shrunk in the same life, and one that throws is an error of ours', async () => {
  const measure: Probe['measure'] = async (stage) => {
    await stage.connect()
    const end = await stage.property('small', fc.nat(1000), async (value) => value < 10 || 'too large')
    return end.held ? { outcome: 'works', reason: '' } : { outcome: 'fails', reason: end.reason }
  }
  expect(await on('rhel 7.9', ws2022, { ...base, measure }, 20)).toMatchObject({
    outcome: 'fails',
    reason: 'too large: 10',
  })
  const thrower: Probe['measure'] = async (stage) => {
    await stage.property('throws', fc.nat(), () => Promise.reject(new Error('no such disk')))
    return { outcome: 'works', reason: '' }
  }
  expect(await on('rhel 7.9', ws2022, { ...base, measure: thrower })).toMatchObject({
    outcome: 'error',
    reason: 'no such disk',
  })
})

test('a guest that goes on for ever is hung', async () => {
  const guest = guestOf('rhel 7.9')
  if (!isGuest(guest)) throw new Error(guest.reason)
  const probe: Probe = {
    ...base,
    devices: ['heartbeat'],
    measure: async (stage) => (await stage.until(() => false, 1e9), { outcome: 'works', reason: '' }),
  }
  const ended = await execute({ id: 'x', probe, guest, profile: ws2022, seed: 1, runs: 1, budget: 5000 })
  expect(ended).toMatchObject({ outcome: 'guest-hung', reason: 'nothing after 5000 steps' })
})

test('cells that read the same share an execution', () => {
  const pairs = ['centos 7.9', 'rhel 7.9', 'rhel 8.7', 'rhel 6.0'].map((release) => ({ release, host: ws2022 }))
  const plan = planOf(pairs, [kvpProbe], { seed: 1 })
  expect(plan.of('centos 7.9', 'ws2022', 'kvp')).toEqual(plan.of('rhel 7.9', 'ws2022', 'kvp'))
  expect(plan.of('rhel 8.7', 'ws2022', 'kvp')).not.toEqual(plan.of('rhel 7.9', 'ws2022', 'kvp'))
  expect(plan.of('rhel 6.0', 'ws2022', 'kvp')).toHaveProperty('reason')
  expect(plan.tasks).toHaveLength(2)
  expect(plan.tasks[0]).toMatchObject({ probe: 'kvp', release: 'centos 7.9', host: 'ws2022', seed: 1, runs: 20 })
})
