import { releases } from '@vmbus/catalog'
import { expect, test } from 'vitest'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import type { MatrixGuest } from '../src/guests/types.ts'

const found = (key: string): MatrixGuest => {
  const guest = guestOf(key)
  if (!isGuest(guest)) throw new Error(guest.reason)
  return guest
}

test('each release of the catalog has a guest or a reason', () => {
  const all = releases().map(({ key, drivers }) => ({ key, drivers, guest: guestOf(key) }))
  expect(all).toHaveLength(472)
  const without = all.filter(({ guest }) => !isGuest(guest))
  expect(without.filter(({ drivers }) => drivers !== 'none').map(({ key }) => key)).toEqual(['centos 9'])
  expect(without.filter(({ drivers }) => drivers === 'none')).toHaveLength(26)
  expect(new Set(all.flatMap(({ guest }) => (isGuest(guest) ? [guest.family] : [])))).toEqual(
    new Set(['linux', 'freebsd', 'windows']),
  )
})

test('a release without drivers says why', () => {
  expect(guestOf('rhel 6.0')).toEqual({
    reason: 'the kernel has only the drivers of drivers/staging/hv: built-in support begins with 6.4',
  })
  expect(guestOf('plan9 4')).toEqual({ reason: 'the catalog knows no release plan9 4' })
})

test('an Unbreakable Enterprise Kernel is the same on each release, and drivers from a disk are a guest', () => {
  expect(found('oracle 7.5 uek5').name).toBe('oracle uek5')
  expect(found('oracle 7.8 uek5').name).toBe('oracle uek5')
  expect(found('windows xp').make().versions).toEqual([0x3_0000, 0x2_0004, 0x1_0001, 0xd])
})

test('what is not read of a Linux guest is the reference, of which a kernel keeps its own quirks alone', () => {
  const guest = found('rhel 6.4')
  if (guest.family !== 'linux') throw new Error('not Linux')
  const made = guest.make({ reads: ['vmbus', 'kvp'] })
  expect(made.capabilities.vmbus).toEqual([0xd])
  // Linux 6.1 has file copy, RHEL 6.4 none.
  expect(guest.make().capabilities.fcopy).toBeUndefined()
  expect(made.capabilities.fcopy).toBeDefined()
  expect(made.quirks.has('setup-ids-kept')).toBe(true)
  // 2.6.32 is before 5.10, where the network driver began to keep the ids of its setup.
  expect(guest.make({ reads: ['netvsc'] }).quirks.has('setup-ids-kept')).toBe(false)
  expect(guest.make({ change: { kvp: undefined } }).capabilities.kvp).toBeUndefined()
})
