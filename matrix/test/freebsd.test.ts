import { memoryDisk } from '@vmbus/disk'
import { freebsd } from '@vmbus/guest-freebsd'
import { heartbeat } from '@vmbus/heartbeat'
import { hostProfiles } from '@vmbus/host'
import { kvp, type KvpCompletion } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { simulate, type WorldGuest } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { createPeer } from '@vmbus/switch/peer'
import { timesync } from '@vmbus/timesync'
import { vss, type BackupResult } from '@vmbus/vss'
import { TICKS_PER_SECOND, seeded, scopedTimers } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

const MAC = '00:15:5d:00:00:01'
const ADAPTER = '{f8615163-0000-1000-2000-00155d000001}'

/** A world with everything that FreeBSD drives, and what its host's services said. */
function story(release: string, profile: (typeof hostProfiles)[number]) {
  const world = simulate({ seed: 9 })
  const timers = world.timers('lan', (name) => {
    if (name.startsWith('peer/')) peer.timer(name.slice('peer/'.length))
    else lan.timer(name)
  })
  const lan = createSwitch({ clock: world.clock, timers, seed: seeded(1) })
  const mac = '00:15:5d:00:00:fe'
  const port = lan.connect({ name: 'peer', mac, receive: (frame) => peer.receive(frame) })
  const peer = createPeer({
    clock: world.clock,
    timers: scopedTimers(timers, 'peer'),
    seed: seeded(2),
    mac,
    ipv4: '10.0.0.1/24',
    send: (frame) => void port.send(frame),
  })
  const devices = {
    keys: kvp({}),
    backup: vss({ snapshot: () => true }),
    stop: shutdown({}),
    beat: heartbeat({}),
    time: timesync({}),
    disks: storvsc({ luns: [memoryDisk('64M')] }),
    nic: netvsc({ switch: lan, mac: MAC, instanceId: ADAPTER.slice(1, -1) }),
  }
  const host = world.host(profile, Object.values(devices))
  const guest = world.guest(freebsd(release), { memoryMB: 64, clockAhead: -3600n * BigInt(TICKS_PER_SECOND) })
  const attached = guest.attach(host)
  return { world, guest, host, attached, devices }
}

type Story = ReturnType<typeof story>

async function ended<T>(guest: WorldGuest, id: number | string, name: string): Promise<T> {
  if (typeof id === 'string') throw new Error(`not taken: ${id}`)
  let result: T | undefined
  const stop = guest.on((event) => {
    if (event.kind === 'host' && event.name === name && (event.detail as { id: number }).id === id)
      result = event.detail as T
  })
  while (result === undefined) await guest.until(`host:${name}` as `host:${string}`, { seconds: 200 })
  stop()
  return result
}

const asked = (to: Story, of: (device: ReturnType<typeof kvpOf>) => number | string): Promise<KvpCompletion> =>
  ended(to.guest, of(kvpOf(to)), 'kvp:completed')
const kvpOf = ({ host, attached, devices }: Story) => host.device(attached, devices.keys)

const since = hostProfiles.slice(hostProfiles.findIndex(({ id }) => id === 'ws2012r2'))

describe.each(since.map((profile) => [profile.id, profile] as const))('FreeBSD 14.0 on %s', (_id, profile) => {
  test('has network, disk, key-value exchange, backup, heartbeat, time and shutdown', async () => {
    const to = story('14.0', profile)
    const { guest, host, attached, devices, world } = to
    await guest.until('driver:interface')
    const hn0 = guest.net('hn0')
    hn0.up()
    hn0.setAddress('10.0.0.2/24')
    expect(await hn0.ping('10.0.0.1')).toBe(true)

    const da0 = guest.surface.disk('da0')
    expect([da0?.size, da0?.sectorSize]).toEqual([64 << 20, 512])
    da0?.write(2048, new TextEncoder().encode('hello'.padEnd(512)))
    const id = da0?.read(2048, 1) ?? 0
    let read = da0?.take(id)
    while (read === undefined) {
      await guest.until('driver:io')
      read = da0?.take(id)
    }
    expect(new TextDecoder().decode(read.data).trim()).toBe('hello')

    world.run({ seconds: 5 })
    expect(await asked(to, (device) => device.set({ key: 'role', value: '4294967295', type: 'dword' }))).toMatchObject({
      outcome: 'ok',
    })
    expect(guest.surface.daemon('kvp').items('external')).toEqual([{ key: 'role', value: '-1' }])
    expect(await asked(to, (device) => device.get({ key: 'OSName', pool: 'auto' }))).toMatchObject({
      item: { key: 'OSName', value: 'FreeBSD' },
    })
    const address = { adapterId: ADAPTER, family: 'ipv4', dhcp: false, gateways: [], dns: [] } as const
    expect(
      await asked(to, (device) => device.setIp({ ...address, addresses: ['10.0.0.9'], subnets: ['255.255.0.0'] })),
    ).toMatchObject({ outcome: 'ok' })
    expect(hn0.address).toBe('10.0.0.9/16')

    const backup = host.device(attached, devices.backup).backup()
    const result = await ended<BackupResult>(guest, backup, 'vss:backup')
    // The driver knows no BackupComplete, and leaves it unanswered (hv_snapshot.c, hv_vss_process_request).
    expect(result).toMatchObject({ outcome: 'timeout', stage: 'complete', consistent: true })
    expect(guest.surface.daemon('vss').frozen).toBe(false)

    expect(world.clock.fileTime() - guest.wallClock()).toBe(0n)
    expect(attached.devices('heartbeat')[0]?.device.inspect()['status']).toBe('ok-applications-unknown')
    expect(host.device(attached, devices.stop).request({ action: 'power-off' })).toBe('sent')
    await guest.until('powered-off')
  })
})
