import { windows } from '@vmbus/guest-windows'
import { ws2012r2, ws2022 } from '@vmbus/host'
import type { IpInfo } from '@vmbus/kvp'
import { describe, expect, test } from 'vitest'
import { FILE, machine, type Machine } from './machine.ts'

const EXTERNAL = 'SOFTWARE\\Microsoft\\Virtual Machine\\External'
const GUEST = 'SOFTWARE\\Microsoft\\Virtual Machine\\Guest'
/** Classes of the components (Linux include/linux/hyperv.h). */
const CLASSES = {
  vmicheartbeat: '57164f39-9115-4e78-ab55-382f3bd5422d',
  vmickvpexchange: 'a9a0f4e7-5a45-4d96-b827-8a841e8c03e6',
  vmicshutdown: '0e0b6031-5213-4934-818b-38d90ced39db',
  vmictimesync: '9527e630-d0ae-497b-adce-e80ab0175caf',
  vmicvss: '35fa2e29-ea23-4236-96ae-3a6ebacba440',
  vmicguestinterface: '34d14be3-dee4-41c8-9ae7-6b174977c192',
} as const
const NAMES = Object.keys(CLASSES) as (keyof typeof CLASSES)[]

async function running(options: Parameters<typeof machine>[2] = {}, profile = ws2022): Promise<Machine> {
  const made = machine(profile, 'ws2022', options)
  await made.guest.until('running')
  made.world.run({ seconds: 1 })
  return made
}

describe('a service', () => {
  test.each(NAMES)('%s that is stopped is offered and never opened, until it is started', async (name) => {
    const made = await running({ services: { [name]: 'stopped' } })
    const { guest, world } = made
    world.run({ seconds: 60 })
    expect(made.events).toContainEqual(expect.objectContaining({ kind: 'offered', interfaceId: CLASSES[name] }))
    expect(NAMES.filter((each) => made.opened(CLASSES[each]))).toEqual(NAMES.filter((each) => each !== name))
    expect(guest.surface.service(name).status).toBe('stopped')
    expect(guest.surface.service(name).start()).toBe(true)
    world.run({ seconds: 1 })
    expect([made.opened(CLASSES[name]), guest.surface.service(name).status]).toEqual([true, 'running'])
  })

  test('that is disabled cannot be started until it is made startable', async () => {
    const made = await running({ services: { vmicvss: 'disabled' } })
    const service = made.guest.surface.service('vmicvss')
    expect([service.start(), service.status, service.startType]).toEqual([false, 'stopped', 'disabled'])
    service.startType = 'manual'
    expect([service.start(), service.status]).toEqual([true, 'running'])
  })

  test('that is stopped leaves its host without contact, and is there again when it is started', async () => {
    const made = await running()
    const { guest, world, host, attached, devices } = made
    const service = guest.surface.service('vmickvpexchange')
    const keys = () => host.device(attached, devices.keys)
    service.stop()
    world.run({ seconds: 1 })
    expect(keys().enumerate({ pool: 'guest' })).toBe('not-connected')
    service.start()
    // Stopped and started again before the host has let go.
    service.stop()
    service.start()
    world.run({ seconds: 1 })
    expect(await made.completed(keys().set({ key: 'a', value: 'b' }))).toMatchObject({ outcome: 'ok' })
  })

  test('is there when the release has its component', () => {
    const of = (id: 'ws2008r2' | 'ws2012' | 'ws2012r2') => windows(id).services
    expect(of('ws2008r2')).toEqual(['vmicheartbeat', 'vmickvpexchange', 'vmicshutdown', 'vmictimesync'])
    expect(of('ws2012')).toEqual(['vmicheartbeat', 'vmickvpexchange', 'vmicshutdown', 'vmictimesync', 'vmicvss'])
    expect(of('ws2012r2')).toEqual(NAMES)
  })
})

describe('the registry', () => {
  test('keeps types and case, and what a program writes the host reads', async () => {
    const made = await running()
    const { guest, host, attached, devices } = made
    const { registry } = guest.surface
    const keys = host.device(attached, devices.keys)
    for (const item of [
      { key: 'Text', value: 'größe' },
      { key: 'Path', value: '%windir%', type: 'expand-string' },
      { key: 'Small', value: '4294967295', type: 'dword' },
      { key: 'Large', value: '18446744073709551615', type: 'qword' },
      { key: 'TEXT', value: 'again' },
    ] as const)
      expect(await made.completed(keys.set(item))).toMatchObject({ outcome: 'ok' })
    // REG_SZ 1, REG_EXPAND_SZ 2, REG_DWORD 4, REG_QWORD 11.
    expect(registry.values(EXTERNAL)).toEqual([
      { name: 'Text', type: 1, data: 'again' },
      { name: 'Path', type: 2, data: '%windir%' },
      { name: 'Small', type: 4, data: '4294967295' },
      { name: 'Large', type: 11, data: '18446744073709551615' },
    ])
    expect(registry.set(GUEST, { name: 'State', type: 1, data: 'ready' })).toBe(true)
    expect(registry.set(GUEST, { name: 'Bad', type: 4, data: '4294967296' })).toBe(false)
    expect((await made.completed(keys.enumerate({ pool: 'guest' }))).items).toEqual([
      { key: 'State', value: 'ready', type: 'string' },
    ])
    expect(await made.completed(keys.delete({ key: 'small' }))).toMatchObject({ outcome: 'ok' })
    expect(registry.values(EXTERNAL).map(({ name }) => name)).toEqual(['Text', 'Path', 'Large'])
  })

  test('has 18 values of its own in Auto, all text', async () => {
    const { guest } = await running({ computerName: 'WEB1', domain: 'example.com' })
    const auto = guest.surface.registry.values('SOFTWARE\\Microsoft\\Virtual Machine\\Auto')
    expect(auto.map(({ type }) => type)).toEqual(Array.from({ length: 18 }, () => 1))
    expect(Object.fromEntries(auto.map(({ name, data }) => [name, data]))).toMatchObject({
      FullyQualifiedDomainName: 'WEB1.example.com',
      OSBuildNumber: '20348',
      OSMajorVersion: '10',
      OSPlatformId: '2',
      ProcessorArchitecture: '9',
      IntegrationServicesVersion: '10.0.20348',
    })
  })

  test('addresses that the host sets arrive on the adapter, and come back', async () => {
    const made = await running()
    const { guest, host, attached, devices } = made
    const keys = host.device(attached, devices.keys)
    const adapterId = `{${guest.surface.net('Ethernet').instanceId}}`
    const info: IpInfo = {
      adapterId,
      family: 'ipv4',
      dhcp: false,
      addresses: ['10.0.0.7'],
      subnets: ['255.255.240.0'],
      gateways: ['10.0.0.1'],
      dns: [],
    }
    expect(await made.completed(keys.setIp(info))).toMatchObject({ outcome: 'ok' })
    expect(guest.surface.net('Ethernet').address).toBe('10.0.0.7/20')
    expect((await made.completed(keys.getIp({ adapterId, family: 'ipv4' }))).info).toMatchObject({
      addresses: ['10.0.0.7'],
      subnets: ['255.255.240.0'],
    })
  })
})

describe('backup', () => {
  const result = ({ events }: Machine) =>
    events.findLast((event) => event.kind === 'host' && event.name === 'vss:backup')

  test.each([
    ['a writer that needs 20 s', { freezeSeconds: 20 }, 'ok'],
    ['a writer that needs 61 s', { freezeSeconds: 61 }, 'failed'],
    ['a writer that fails', { fails: true }, 'failed'],
  ])('%s', async (_, writer, outcome) => {
    const made = await running({ writers: [{ name: 'System Writer' }, { name: 'SqlServerWriter', ...writer }] })
    const { guest, host, attached, devices, world } = made
    host.device(attached, devices.backup).backup({})
    await guest.until('host:vss:backup', { seconds: 200 })
    expect(result(made)).toMatchObject({ detail: { outcome } })
    world.run({ seconds: 90 })
    expect(guest.surface.writers.map(({ state }) => state)).not.toContain('frozen')
  })
})

test('W32Time takes samples while its provider is on; a sync sets the clock whatever it says', async () => {
  const made = await running({}, ws2012r2)
  const { guest, world } = made
  const provider = 'SYSTEM\\CurrentControlSet\\Services\\W32Time\\TimeProviders\\VMICTimeProvider'
  expect([guest.surface.time.provider, made.events.some(({ kind }) => kind === 'clock-set')]).toEqual([true, true])
  guest.surface.registry.set(provider, { name: 'Enabled', type: 4, data: '0' })
  const { samples } = guest.surface.time
  world.run({ seconds: 30 })
  expect([guest.surface.time.provider, guest.surface.time.samples]).toEqual([false, samples])
})

test('takes a file in by its Windows path', async () => {
  const made = await running()
  const { guest, host, attached, devices } = made
  host.device(attached, devices.copy).copy({ source: 'f', size: FILE.length, path: 'C:\\temp', name: 'f.bin' })
  await guest.until('host:fcopy:completed')
  expect(guest.surface.files.paths).toEqual(['C:\\temp\\f.bin'])
  expect(Buffer.from(guest.surface.files.read('c:/TEMP/f.bin') ?? []).equals(Buffer.from(FILE))).toBe(true)
})

test('gives memory up and takes it back', async () => {
  const made = await running({ memoryMB: 64 })
  const { guest, host, attached, devices, world } = made
  const { total } = guest.surface.memory
  expect(host.device(attached, devices.memory).balloon(1000)).toBe('begun')
  world.run({ seconds: 5 })
  expect([guest.surface.memory.ballooned, guest.surface.memory.total]).toEqual([1000, total - 1000])
  host.device(attached, devices.memory).unballoon(1000)
  world.run({ seconds: 5 })
  expect(guest.surface.memory.ballooned).toBe(0)
})

test('restarts when it is asked to', async () => {
  const { guest, host, attached, devices } = await running()
  expect(host.device(attached, devices.stop).request({ action: 'restart' })).toBe('sent')
  await guest.until('restarting')
})

test('a world that is saved while it works goes on as the one that was saved', async () => {
  const lives = [await running(), await running()] as const
  const [whole, again] = lives
  const use = ({ guest, host, attached, devices }: Machine): void => {
    guest.surface.net('Ethernet').setAddress('10.0.0.2/24')
    guest.surface.net('Ethernet').ping('10.0.0.1')
    guest.surface.disk('PhysicalDrive0')?.write(0, new Uint8Array(8192).fill(7))
    host.device(attached, devices.keys).set({ key: 'a', value: 'b' })
    guest.surface.service('vmicheartbeat').stop()
  }
  use(whole)
  again.world.restore(whole.world.save())
  for (const { world } of lives) world.run({ seconds: 3 })
  expect(again.guest.surface.registry.values(EXTERNAL)).toEqual([{ name: 'a', type: 1, data: 'b' }])
  expect(again.guest.surface.service('vmicheartbeat').status).toBe('stopped')
  expect(again.guest.surface.disk('PhysicalDrive0')?.take(1)).toEqual({ outcome: 'good' })
  expect(again.guest.surface.net('Ethernet').address).toBe('10.0.0.2/24')
})

test('what is not there is refused with a code', async () => {
  const { guest } = await running()
  const code = (name: string): object => expect.objectContaining({ code: name }) as object
  expect(guest.surface.net('Ethernet 2').exists).toBe(false)
  expect(() => guest.surface.net('Ethernet 2').enable()).toThrow(code('VMBUS_WINDOWS_NET'))
  expect(() => guest.surface.net('Ethernet').ping('10.0.0.1')).toThrow(code('VMBUS_WINDOWS_NET'))
  expect(() => guest.surface.disk('PhysicalDrive0')?.read(2047, 2)).toThrow(code('VMBUS_WINDOWS_DISK'))
  expect(() => guest.surface.disk('PhysicalDrive0')?.write(0, new Uint8Array(100))).toThrow(code('VMBUS_WINDOWS_DISK'))
  expect(guest.surface.disk('PhysicalDrive1')).toBeUndefined()
})
