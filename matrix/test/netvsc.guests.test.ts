import type { Guest } from '@vmbus/machine-v86'
import { describe, expect, test } from 'vitest'
import {
  GUEST_ADDRESS,
  PEER_ADDRESS,
  SINK_PORT,
  SOURCE_PORT,
  type PingCount,
  type PingSweep,
  type RealNetvscOptions,
  type TransferCount,
} from '../src/real/netvsc.ts'
import { bootGuest } from './real-guest.ts'

/** Profiles, and the NVSP version that they and the kernel have in common: the host's newest, as these kernels speak all. */
const HOSTS = [
  ['ws2012', '4'],
  ['ws2012r2', '5'],
  ['win10-1507', '5'],
  ['win10-1511', '5'],
  ['ws2016', '6'],
  ['win10-1703', '6'],
  ['win10-1709', '6'],
  ['win10-1803', '6'],
  ['ws2019', '6.1'],
  ['win10-1903', '6.1'],
  ['win10-2004', '6.1'],
  ['ws2022', '6.1'],
  ['win11-22h2', '6.1'],
  ['ws2025', '6.1'],
  ['azurelocal', '6.1'],
] as const
/** Only a kernel before Linux 5.18 speaks VMBus below 2.4. */
const OLD_HOSTS = [
  ['ws2008', '1'],
  ['ws2008r2', '2'],
] as const

const MiB = 1 << 20
const TRANSFER = 16 * MiB

async function bootWith(
  release: 'debian-11' | 'debian-12',
  profile: string,
  netvsc: RealNetvscOptions = {},
  jit = false,
): Promise<Guest> {
  const guest = await bootGuest({ release, flavour: '686' }, { profile, devices: { netvsc } }, { jit })
  await guest.load(['hv_vmbus', 'hv_netvsc', '8021q'])
  return guest
}

async function up(guest: Guest, address = GUEST_ADDRESS): Promise<void> {
  const done = await guest.exec(
    `ip link set eth0 up && ip addr add ${address}/24 dev eth0 && until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done`,
  )
  expect(done).toMatchObject({ status: 0 })
}

async function ping(guest: Guest, sweep: PingSweep): Promise<void> {
  await guest.call('netvsc.ping', sweep)
  await guest.until('event:netvsc:pinged', { seconds: 120 }).catch(() => undefined)
  const count = (await guest.call('netvsc.pings')) as PingCount
  expect(count).toEqual({ sent: sweep.count, answered: sweep.count, corrupt: 0 })
}

/** The guest fetches bytes and sends back what it got: equal digests say that both ways are right. */
async function transfer(guest: Guest, bytes: number): Promise<void> {
  await guest.call('netvsc.source', bytes)
  const got = await guest.exec(
    `nc ${PEER_ADDRESS} ${SOURCE_PORT} > /tmp/data </dev/null; wc -c < /tmp/data; nc ${PEER_ADDRESS} ${SINK_PORT} < /tmp/data`,
    { seconds: 300 },
  )
  expect(got.output.trim()).toBe(String(bytes))
  const [sent, received] = [await guest.call('netvsc.sent'), await guest.call('netvsc.received')] as [
    TransferCount,
    TransferCount,
  ]
  expect(received).toEqual({ bytes, sha256: sent.sha256, done: true })
}

/** What the adapter and its channels tell; the bus also tells of versions it refuses and of messages that a removal overtook. */
const diagnostics = (guest: Guest): unknown[] =>
  guest.events.flatMap(({ name, detail }) =>
    name === 'diagnostic' && /"source":"(?:netvsc|channel)/.test(JSON.stringify(detail)) ? [detail] : [],
  )

describe.each([
  ['debian-11', [...OLD_HOSTS, ...HOSTS]],
  ['debian-12', HOSTS],
] as const)('%s', (release, hosts) => {
  /** The heavy load is for the oldest, a middle one and the newest: compiled, as it takes an interpreter half as long again. */
  const heavyHosts: readonly string[] = [hosts[0][0], 'ws2016', 'ws2025']

  test.each(hosts)('on %s: NVSP %s, an address, pings without loss', async (profile, version) => {
    const heavy = heavyHosts.includes(profile)
    await using guest = await bootWith(release, profile, {}, heavy)
    await up(guest)
    expect(await guest.call('netvsc.inspect')).toMatchObject({ version, initialized: true, filter: 0x0d, linkUp: true })
    await ping(guest, { count: heavy ? 10_000 : 500, most: 1472 })
    if (heavy) await transfer(guest, TRANSFER)
    expect(diagnostics(guest)).toEqual([])
    expect((await guest.exec('dmesg | grep -i netvsc | grep -iv register')).output).not.toMatch(
      /error|fail|invalid|unhandled|bogus/i,
    )
  })

  test('jumbo frames: the adapter is opened again with MTU 9000, under load', async () => {
    await using guest = await bootWith(release, 'ws2022', { peerMtu: 9000 })
    await up(guest)
    await ping(guest, { count: 50 })
    expect(
      await guest.exec(
        'ip link set eth0 mtu 9000 && until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.1; done; ip addr show eth0',
      ),
    ).toMatchObject({ status: 0 })
    expect(await guest.call('netvsc.inspect')).toMatchObject({ frameBytes: 9014, version: '6.1' })
    // The kernel's own ICMP socket drops answers beyond its buffer: few large ones at a time.
    await ping(guest, { count: 300, least: 1400, most: 8972, window: 4 })
    await transfer(guest, MiB)
  })

  test('a tagged interface on a trunk port, and an access port behind it', async () => {
    await using guest = await bootWith(release, 'ws2019', { vlan: { trunk: [20] }, peerVlan: { access: 20 } })
    await guest.exec(
      'ip link set eth0 up; ip link add link eth0 name eth0.20 type vlan id 20 2>/dev/null || vconfig add eth0 20; ip link set eth0.20 up',
    )
    expect(await guest.exec(`ip addr add ${GUEST_ADDRESS}/24 dev eth0.20`)).toMatchObject({ status: 0, output: '' })
    await ping(guest, { count: 300, most: 1472 })
  })

  test('the cable pulled and plugged, the adapter removed and added while traffic runs', async () => {
    await using guest = await bootWith(release, 'ws2022')
    await up(guest)
    // In its first five minutes a 32-bit kernel puts link events off: netvsc_link_change compares jiffies, which start at
    // -300 s, with a time of 0.
    await guest.run(305)
    await guest.call('netvsc.link', false)
    expect(await guest.exec('until grep -q 0 /sys/class/net/eth0/carrier; do sleep 0.2; done')).toMatchObject({
      status: 0,
    })
    await guest.call('netvsc.link', true)
    expect(await guest.exec('until grep -q 1 /sys/class/net/eth0/carrier; do sleep 0.2; done')).toMatchObject({
      status: 0,
    })

    for (let round = 0; round < 2; round++) {
      expect(await guest.exec(`until ping -c 1 -w 1 ${PEER_ADDRESS}; do :; done`)).toMatchObject({ status: 0 })
      await guest.call('netvsc.ping', { count: 100_000, window: 32 })
      await guest.run(0.05)
      const running = (await guest.call('netvsc.pings')) as PingCount
      expect(running.answered).toBeGreaterThan(0)
      await guest.call('netvsc.remove')
      expect(await guest.exec('while [ -e /sys/class/net/eth0 ]; do sleep 0.1; done')).toMatchObject({ status: 0 })
      await guest.call('netvsc.add')
      expect(await guest.exec('until [ -e /sys/class/net/eth0 ]; do sleep 0.1; done')).toMatchObject({ status: 0 })
      await up(guest)
      await ping(guest, { count: 200 })
    }
    expect(diagnostics(guest)).toEqual([])
  })
})
