import { windows } from '@vmbus/guest-windows'
import { hostProfiles, ws2008, ws2012, ws2022 } from '@vmbus/host'
import { DEFAULT_EPOCH } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { MODERN_HOSTS, PEER, machine, type Machine } from './machine.ts'

test('the hosts that have generation 2 are 14 of 17', () => {
  expect([MODERN_HOSTS.length, MODERN_HOSTS[0]?.id, hostProfiles.length]).toEqual([14, 'ws2012r2', 17])
})

test.each([
  ['ws2012r2', undefined, 4],
  // NVSP 5 of the package could have channels; the system does not scale.
  ['win7', '6.3.9600.16384', 1],
  ['ws2012', '6.3.9600.16384', 4],
] as const)('%s with the drivers %s has %i channels to its adapter on four processors', async (id, build, channels) => {
  const { guest, world } = machine(ws2022, id, { vps: 4, ...(build !== undefined && { package: build }) })
  await guest.until('host:heartbeat:beat')
  world.run({ seconds: 1 })
  const [adapter = ''] = guest.surface.adapters
  expect(guest.surface.net(adapter).statistics).toHaveLength(channels)
})

async function network({ guest }: Machine): Promise<void> {
  const ethernet = guest.net('Ethernet')
  expect([ethernet.mac, ethernet.isConnected, ethernet.isEnabled]).toEqual(['00:15:5d:00:00:01', true, true])
  ethernet.setAddress('10.0.0.2/24')
  await expect(ethernet.ping(PEER)).resolves.toBe(true)
}

async function disk({ guest }: Machine): Promise<void> {
  const drive = guest.surface.disk('PhysicalDrive0')
  expect([drive?.size, drive?.sectorSize]).toEqual([1 << 20, 512])
  const data = Uint8Array.from({ length: 10_240 }, (_, at) => at * 7)
  for (const id of [drive?.write(3, data), drive?.flush(), drive?.read(3, 20)]) {
    let result = drive?.take(id ?? 0)
    while (result === undefined) {
      await guest.until('driver:io')
      result = drive?.take(id ?? 0)
    }
    expect(result.outcome).toBe('good')
    if (result.data !== undefined) expect(Buffer.from(result.data).equals(Buffer.from(data))).toBe(true)
  }
}

async function keys(made: Machine): Promise<void> {
  const { guest, host, attached, devices } = made
  const device = host.device(attached, devices.keys)
  await made.completed(device.set({ key: 'Role', value: '7', type: 'dword' }))
  // REG_DWORD is 4.
  expect(guest.surface.registry.value('software\\microsoft\\VIRTUAL MACHINE\\external', 'role')).toEqual({
    name: 'Role',
    type: 4,
    data: '7',
  })
  expect((await made.completed(device.get({ key: 'ROLE', pool: 'external' }))).item).toMatchObject({
    value: '7',
    type: 'dword',
  })
  const { items = [] } = await made.completed(device.enumerate({ pool: 'auto' }))
  const auto = new Map(items.map(({ key, value }) => [key, value]))
  expect([auto.get('OSName'), auto.get('OSVersion'), auto.get('NetworkAddressIPv4'), auto.get('ProductType')]).toEqual([
    'Windows Server 2022',
    '10.0.20348',
    '10.0.0.2',
    '3',
  ])
}

async function backup({ guest, host, attached, devices, events }: Machine): Promise<void> {
  expect(typeof host.device(attached, devices.backup).backup({})).toBe('number')
  await guest.until('host:vss:backup')
  const result = events.findLast((event) => event.kind === 'host' && event.name === 'vss:backup')
  expect(result).toMatchObject({ detail: { outcome: 'ok', consistent: true } })
  expect(guest.surface.writers.map(({ state }) => state)).toEqual(['stable', 'stable', 'stable', 'stable'])
}

describe.each(MODERN_HOSTS.map((profile) => [profile.id, profile] as const))(
  'Windows Server 2022 on %s',
  (_, profile) => {
    test('comes up and works: network, disk, keys, backup, time, heartbeat, shutdown', async () => {
      const hour = 36_000_000_000n
      const made = machine(profile, 'ws2022', { clockAhead: -hour })
      const { guest, world, host, attached, devices, events } = made
      await guest.until('running')
      await guest.until('host:heartbeat:beat')
      world.run({ seconds: 1 })
      expect(guest.version).toBe(windows('ws2022').versions.find((version) => profile.vmbus.includes(version)))
      await network(made)
      await disk(made)
      await keys(made)
      await backup(made)
      // It was an hour behind: the first message set it, and samples go on to W32Time.
      expect(guest.wallClock()).toBe(DEFAULT_EPOCH + BigInt(world.clock.now()))
      expect(events.filter((event) => event.kind === 'clock-set').length).toBeGreaterThan(0)
      expect(host.device(attached, devices.stop).request({})).toBe('sent')
      await guest.until('powered-off')
    })
  },
)

describe('generation 2', () => {
  test.each(MODERN_HOSTS.map((profile) => [profile.id, profile] as const))(
    'firmware, then the operating system, on %s',
    async (_, profile) => {
      const made = machine(profile, 'ws2022', { generation: 2 })
      const { guest, contacts, messages } = made
      await guest.until('connected')
      const firmware = guest.version
      // 6.0, then 3.0, nothing between (microsoft/mu_msvm@9feb53ed).
      expect(firmware).toBe(profile.vmbus.includes(0x6_0000) ? 0x6_0000 : 0x3_0000)
      // Before 5.0 the host has no connection 4, which newer contacts go to: it never hears of the first.
      const hears = profile.vmbus.some((version) => version >= 0x5_0000)
      expect(contacts).toEqual([...(hears ? [0x6_0000] : []), ...(firmware === 0x3_0000 ? [0x3_0000] : [])])
      await guest.until('unloaded')
      // UNLOAD is 16.
      expect([guest.power, messages.at(-1)]).toEqual(['booting', 16])
      const before = contacts.length
      await guest.until('running')
      expect(contacts.slice(before).at(-1)).toBe(guest.version)
      expect(guest.version).toBe(windows('ws2022').versions.find((version) => profile.vmbus.includes(version)))
      await network(made)
      await disk(made)
    },
  )

  test('the firmware finds its disk and its adapter: NVSP 5 and storage 6.0, however new the host is', async () => {
    const { guest, world } = machine(ws2022, 'ws2022', { generation: 2 })
    await guest.until('connected')
    world.run({ seconds: 1 })
    const inspected = guest.bus.devices.map(({ kind, driver }) => [kind, driver?.inspect()])
    const of = (kind: string) => inspected.find(([each]) => each === kind)?.[1]
    expect(of('storvsc')).toMatchObject({ phase: 'ready', version: 0x600, disks: [{ lun: 0 }] })
    expect(of('netvsc')).toMatchObject({ phase: 'ready' })
  })

  test('goes no further on a host from before generation 2', async () => {
    const { guest, world, contacts } = machine(ws2012, 'ws2022', { generation: 2 })
    await guest.until('failed')
    world.run({ seconds: 30 })
    expect([guest.power, contacts]).toEqual(['booting', [0x3_0000]])
  })

  test('a world that is saved in the firmware or after it goes on as the one that was saved', async () => {
    for (const seconds of [1, 3]) {
      const whole = machine(ws2022, 'ws2022', { generation: 2 })
      whole.world.run({ seconds })
      const again = machine(ws2022, 'ws2022', { generation: 2 })
      again.world.restore(whole.world.save())
      const from = whole.messages.length
      again.messages.length = 0
      for (const { world } of [whole, again]) world.run({ seconds: 5 })
      expect(again.guest.power).toBe('running')
      expect(again.messages).toEqual(whole.messages.slice(from))
    }
  })
})

test('a 2008 R2 guest on a 2008 host proposes its own versions first and takes the older ones', async () => {
  const { guest, contacts, world } = machine(ws2008, 'ws2008r2')
  await guest.until('running')
  world.run({ seconds: 1 })
  expect(contacts).toEqual([0x1_0001, 0xd])
  expect([guest.surface.net('Local Area Connection').nvsp, guest.surface.disks[0]?.protocol]).toEqual([2, 0x200])
})
