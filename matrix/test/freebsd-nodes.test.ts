import { memoryDisk } from '@vmbus/disk'
import { freebsd } from '@vmbus/guest-freebsd'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2022 } from '@vmbus/host'
import { kvp, type KvpCompletion } from '@vmbus/kvp'
import { simulate } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { vss, type BackupResult } from '@vmbus/vss'
import { expect, test } from 'vitest'

const E_FAIL = 0x80004005
const EBUSY = 16
const EINVAL = 22

function story(daemons: readonly ('kvp' | 'vss')[]) {
  const world = simulate({ seed: 3 })
  const [keys, backup] = [kvp({}), vss({ snapshot: () => true })]
  const host = world.host(ws2022, [keys, backup])
  const guest = world.guest(freebsd('14.0', { daemons }))
  const details = new Map<string, unknown>()
  guest.on((event) => void (event.kind === 'host' && details.set(event.name, event.detail)))
  const attached = guest.attach(host)
  world.run({ seconds: 6 })
  return { world, guest, details, keys: host.device(attached, keys), backup: host.device(attached, backup) }
}

test('key-value exchange negotiates once a program has registered, and fails a request that it holds for 5 s', () => {
  const { world, guest, details, keys } = story([])
  expect(keys.get({ key: 'a' })).toBe('not-connected')
  const node = guest.surface.node('/dev/hv_kvp_dev')
  expect(node?.open()).toBe(0)
  expect(node?.open()).toBe(EBUSY)
  // struct hv_kvp_msg has 7432 bytes, and 4 in its first registers (hv_kvp.h, HV_KVP_OP_REGISTER).
  const registration = new Uint8Array(7432)
  registration[0] = 4
  expect(node?.write(registration.subarray(1))).toBe(EINVAL)
  expect(node?.write(registration)).toBe(0)
  world.run({ seconds: 1 })
  expect(keys.get({ key: 'a' })).toBe(1)
  world.run({ ms: 4900 })
  expect([details.has('kvp:completed'), node?.read()?.[0]]).toEqual([false, 0])
  world.run({ ms: 200 })
  expect(details.get('kvp:completed') as KvpCompletion).toMatchObject({ outcome: 'failed', status: E_FAIL })
})

test('backup asks the application first, and fails when it says nothing for 15 s', () => {
  const { world, guest, details, backup } = story(['vss'])
  const app = guest.surface.node('/dev/hv_appvss_dev')
  app?.open()
  expect(backup.backup()).toBe(1)
  world.run({ ms: 100 })
  // struct hv_vss_opt_msg: option 1 is the check, 64 bytes (hv_snapshot.h).
  const message = app?.read()
  expect([message?.length, message?.[0]]).toEqual([64, 1])
  world.run({ ms: 14_800 })
  expect(details.has('vss:backup')).toBe(false)
  world.run({ ms: 200 })
  expect(details.get('vss:backup') as BackupResult).toMatchObject({ outcome: 'failed', stage: 'check', status: E_FAIL })
})

test('a backup whose daemon has died is failed at once', () => {
  const { world, guest, details, backup } = story(['vss'])
  guest.surface.daemon('vss').stop()
  backup.backup()
  world.run({ ms: 100 })
  expect(details.get('vss:backup') as BackupResult).toMatchObject({ outcome: 'failed', status: E_FAIL })
})

test.each([0, 3060, 3140, 3200, 3260])(
  'a world that was saved %i ms after power-on goes on as the one that was not',
  (ms) => {
    const made = () => {
      const world = simulate({ seed: 5 })
      const devices = [kvp({}), vss({ snapshot: () => true }), storvsc({ luns: [memoryDisk('8M')] }), heartbeat({})]
      const guest = world.guest(freebsd('14.0'))
      guest.attach(world.host(ws2022, devices))
      return { world, guest }
    }
    const [one, other] = [made(), made()]
    one.world.run({ ms })
    other.world.restore(one.world.save())
    for (const { world } of [one, other]) world.run({ seconds: 8 })
    expect(other.guest.surface.disk('da0')?.size).toBe(8 << 20)
    expect(other.guest.surface.daemon('kvp').running).toBe(true)
    expect(other.guest.inspect()).toEqual(one.guest.inspect())
    expect(Buffer.compare(other.guest.memory.bytes, one.guest.memory.bytes)).toBe(0)
  },
)
