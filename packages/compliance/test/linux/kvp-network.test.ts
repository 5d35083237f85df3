import { linux, type LinuxOptions, type LinuxSurface } from '@vmbus/guest-linux'
import { ws2008r2, ws2022, type HostProfile } from '@vmbus/host'
import { kvp, type IpInfo, type KvpCompletion, type KvpHost } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { simulate, type WorldGuest } from '@vmbus/simulation'
import { createSwitch } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

const ADAPTER = '{f8615163-0000-1000-2000-00155d000001}'
const MAC = '00:15:5D:00:00:01'
const E_FAIL = 0x80004005
const INVALID = 0x80070057
const NO_ADAPTER = 0x80041002
const NO_MORE = 0x80070103

const INFO: IpInfo = {
  adapterId: ADAPTER,
  family: 'ipv4',
  dhcp: false,
  addresses: ['10.0.0.77'],
  subnets: ['255.255.255.0'],
  gateways: [],
  dns: [],
}
const EVERYTHING: IpInfo = {
  ...INFO,
  family: 'both',
  addresses: ['10.0.0.77', '10.0.0.78', 'fd00::77'],
  subnets: ['255.255.255.0', '255.255.255.0', '64'],
  gateways: ['10.0.0.1', 'fd00::1'],
  dns: ['10.0.0.53'],
}

interface Made {
  readonly guest: WorldGuest<LinuxSurface>
  readonly keys: KvpHost
  ended(id: number | string): Promise<KvpCompletion>
  /** Whether the peer on the switch, 10.0.0.1 and fd00::1, hears an echo from there. */
  answers(address: string): boolean
}

async function made(kernel: string, options: LinuxOptions & { readonly profile?: HostProfile } = {}): Promise<Made> {
  const { profile = ws2022, ...system } = options
  const world = simulate({ seed: 9 })
  const { clock } = world
  const seed = seeded(1)
  const lan = createSwitch({ clock, seed, timers: world.timers('lan', (name) => lan.timer(name)) })
  const mac = '02:00:00:00:00:01'
  const port = lan.connect({ name: 'peer', mac, receive: (frame) => peer.receive(frame) })
  let echoes = 0
  const peer: Peer = createPeer({
    clock,
    seed,
    timers: world.timers('peer', (name) => peer.timer(name)),
    mac,
    ipv4: '10.0.0.1/24',
    ipv6: 'fd00::1/64',
    send: (frame) => port.send(frame),
    echoed: () => void echoes++,
  })
  const device = kvp({})
  const host = world.host(profile, [device, netvsc({ switch: lan, mac: '00:15:5d:00:00:01' })])
  const guest = world.guest(linux(kernel, { modules: ['hv_netvsc', 'hv_utils'], ...system }), { memoryMB: 20 })
  const ends = new Map<number, KvpCompletion>()
  guest.on((event) => {
    if (event.kind !== 'host' || event.name !== 'kvp:completed') return
    const detail = event.detail as KvpCompletion
    ends.set(detail.id, detail)
  })
  const attached = guest.attach(host)
  await guest.until('running')
  world.run({ seconds: 1 })
  return {
    guest,
    keys: host.device(attached, device),
    async ended(id) {
      if (typeof id !== 'number') throw new Error(`not taken: ${id}`)
      for (;;) {
        const end = ends.get(id)
        if (end !== undefined) return end
        await guest.until('host:kvp:completed', { seconds: 100 })
      }
    },
    answers(address) {
      const before = echoes
      peer.ping(address)
      // An address that nobody had is asked for again after a second.
      world.run({ ms: 1100 })
      return echoes > before
    },
  }
}

const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && new TextDecoder().decode(bytes)

describe('addresses that the host injects', () => {
  test.each([ws2008r2, ws2022])('are set on the interface, and answer through the switch: $id', async (profile) => {
    const { guest, keys, ended, answers } = await made('5.10', { profile })
    const eth0 = guest.surface.net('eth0')
    expect([eth0.isUp, answers('10.0.0.77')]).toEqual([false, false])
    expect(await ended(keys.setIp(INFO))).toMatchObject({ outcome: 'ok', status: 0 })
    expect([eth0.isUp, eth0.address]).toEqual([true, '10.0.0.77/24'])
    expect([answers('10.0.0.77'), answers('10.0.0.78')]).toEqual([true, false])
    await expect(guest.net('eth0').ping('10.0.0.1')).resolves.toBe(true)
    expect(textOf(guest.surface.files.read('/var/lib/hyperv/ifcfg-eth0'))).toBe(
      'HWADDR=00:15:5D:00:00:01\nDEVICE=eth0\nBOOTPROTO=none\nIPADDR0=10.0.0.77\nNETMASK0=255.255.255.0\n',
    )
  })

  test('are several of both families, with gateways and name servers, and the guest tells them', async () => {
    const { guest, keys, ended, answers } = await made('6.1')
    expect(await ended(keys.setIp(EVERYTHING))).toMatchObject({ outcome: 'ok' })
    expect(['10.0.0.77', '10.0.0.78', 'fd00::77', 'fe80::215:5dff:fe00:1'].map(answers)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(guest.surface.net('eth0').config).toEqual({
      addresses: ['10.0.0.77/24', '10.0.0.78/24', 'fd00::77/64'],
      gateways: ['10.0.0.1', 'fd00::1'],
      dns: ['10.0.0.53'],
      dhcp: false,
    })
    // By the MAC address, both families whatever is asked for; an IPv6 subnet begins with a slash (kvp_get_ip_info).
    const { info } = await ended(keys.getIp({ adapterId: MAC, family: 'ipv4' }))
    expect(info).toEqual({
      adapterId: MAC,
      family: 'ipv4',
      dhcp: false,
      addresses: ['10.0.0.77', '10.0.0.78', 'fd00::77', 'fe80::215:5dff:fe00:1'],
      subnets: ['255.255.255.0', '255.255.255.0', '/64', '/64'],
      gateways: ['10.0.0.1', 'fd00::1'],
      dns: ['10.0.0.53'],
    })
    const { items = [] } = await ended(keys.enumerate({ pool: 'auto' }))
    expect(Object.fromEntries(items.map(({ key, value }) => [key, value]))).toMatchObject({
      NetworkAddressIPv4: '10.0.0.77;10.0.0.78',
      NetworkAddressIPv6: 'fd00::77;fe80::215:5dff:fe00:1',
    })
  })

  test('give way to DHCP, for which there is no server here', async () => {
    const { guest, keys, ended, answers } = await made('6.1')
    await ended(keys.setIp(INFO))
    expect(await ended(keys.setIp({ ...INFO, dhcp: true, addresses: [], subnets: [] }))).toMatchObject({
      outcome: 'ok',
    })
    expect(guest.surface.net('eth0').config).toEqual({ addresses: [], gateways: [], dns: [], dhcp: true })
    expect(answers('10.0.0.77')).toBe(false)
    expect(textOf(guest.surface.files.read('/var/lib/hyperv/ifcfg-eth0'))).toBe(
      'HWADDR=00:15:5D:00:00:01\nDEVICE=eth0\nBOOTPROTO=dhcp\n',
    )
    // The link-local address is enough for the rest to be told.
    expect((await ended(keys.getIp({ adapterId: MAC, family: 'both' }))).info).toMatchObject({
      dhcp: true,
      addresses: ['fe80::215:5dff:fe00:1'],
    })
  })

  test('that are none are refused, and those that no station has fail in the script', async () => {
    const { guest, keys, ended } = await made('6.1')
    expect(await ended(keys.setIp({ ...INFO, addresses: ['10.0.0.777'] }))).toMatchObject({ status: INVALID })
    expect(await ended(keys.setIp({ ...INFO, addresses: ['224.0.0.1'] }))).toMatchObject({ status: E_FAIL })
    expect(guest.surface.net('eth0').config.addresses).toEqual([])
  })
})

/** As the real kernels with Debian's daemons do it: matrix/test/kvp.guests.test.ts and kvp-vss-fcopy.guests.test.ts. */
describe.each(['5.10.0-32-686', '6.1.0-50-686'])('a stock Debian with kernel %s', (kernel) => {
  test('tells its addresses to whoever names the adapter by its MAC, and takes none', async () => {
    const { guest, keys, ended } = await made(kernel)
    const eth0 = guest.surface.net('eth0')
    eth0.setAddress('10.0.0.2/8')
    eth0.up()
    expect(await ended(keys.getIp({ adapterId: ADAPTER, family: 'both' }))).toMatchObject({ status: E_FAIL })
    const { info } = await ended(keys.getIp({ adapterId: MAC, family: 'both' }))
    expect(info).toMatchObject({
      addresses: ['10.0.0.2', 'fe80::215:5dff:fe00:1'],
      subnets: ['255.0.0.0', '/64'],
    })
    expect(await ended(keys.setIp(INFO))).toMatchObject({ outcome: 'failed', status: E_FAIL })
    expect(await ended(keys.setIp({ ...INFO, adapterId: '{00000000-0000-0000-0000-000000000001}' }))).toMatchObject({
      status: NO_ADAPTER,
    })
    expect(eth0.address).toBe('10.0.0.2/8')
  })

  test('takes them with a script of its own, as the real one with userland of ours', async () => {
    const files = { '/usr/libexec/hypervkvpd/hv_set_ifconfig': '#!/bin/sh\n' }
    const { guest, keys, ended, answers } = await made(kernel, { files })
    expect(await ended(keys.setIp({ ...INFO, adapterId: ADAPTER.toUpperCase() }))).toMatchObject({ status: NO_ADAPTER })
    expect(await ended(keys.setIp(INFO))).toMatchObject({ outcome: 'ok' })
    expect([guest.surface.net('eth0').address, answers('10.0.0.77')]).toEqual(['10.0.0.77/24', true])
  })
})

test('kernels before 3.7 know nothing of addresses', async () => {
  const { guest, keys, ended } = await made('3.4', { profile: ws2022 })
  expect(await ended(keys.setIp(INFO))).toMatchObject({ outcome: 'failed', status: NO_MORE })
  expect(await ended(keys.getIp({ adapterId: MAC, family: 'both' }))).toMatchObject({ status: NO_MORE })
  expect(guest.surface.net('eth0').address).toBe('')
})
