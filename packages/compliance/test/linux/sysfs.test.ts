import { defineDevice } from '@vmbus/core'
import { memoryDisk } from '@vmbus/disk'
import { linux, linuxRelease, releaseVector, type LinuxGeneration, type LinuxSurface } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2012r2, ws2016, ws2019, ws2022, type HostProfile } from '@vmbus/host'
import { kvp, type KvpCompletion } from '@vmbus/kvp'
import { netvsc } from '@vmbus/netvsc'
import { simulate, type World, type WorldGuest } from '@vmbus/simulation'
import { storvsc } from '@vmbus/storvsc'
import { createSwitch } from '@vmbus/switch'
import { createPeer, type Peer } from '@vmbus/switch/peer'
import { seeded } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

type Specs = Parameters<World['host']>[1]

interface Up {
  readonly world: World
  readonly guest: WorldGuest<LinuxSurface>
  /** Messages to the host, as hexadecimal. */
  readonly messages: string[]
  /** Processors that were interrupted. */
  readonly interrupted: Set<number>
}

async function up(
  generation: LinuxGeneration | undefined,
  specs: (world: World) => Specs,
  { profile = ws2022, vps = 1, memoryMB = 4 }: { profile?: HostProfile; vps?: number; memoryMB?: number } = {},
): Promise<Up> {
  const world = simulate({ seed: 3 })
  const guest = world.guest(generation ?? expect.fail('not known'), { vps, memoryMB })
  const messages: string[] = []
  const interrupted = new Set<number>()
  guest.attach(world.host(profile, specs(world)), {
    trace(event) {
      if (event.kind === 'message' && event.to === 'host') messages.push(Buffer.from(event.bytes).toString('hex'))
      if (event.kind === 'interrupt') interrupted.add(event.vp)
    },
  })
  await guest.until('running')
  world.run({ seconds: 1 })
  return { world, guest, messages, interrupted }
}

const NONE = (): Specs => []

describe('versions of modules', () => {
  test('are not said by the drivers of a kernel since 3.18, and were before', async () => {
    const { surface } = (await up(linux('6.1.0-50-686'), NONE)).guest
    // `modinfo` of Debian's modules of 6.1.0-50-686.
    expect(surface.modinfo('hv_netvsc')).toEqual({
      name: 'hv_netvsc',
      description: 'Microsoft Hyper-V network driver',
      alias: ['vmbus:635161f83edfc546913ff2d2f965ed0e'],
    })
    expect(new Set(surface.modinfo('hv_utils')?.alias)).toEqual(
      new Set([
        'vmbus:e34bd134e4dec8419ae76b174977c192',
        'vmbus:292efa3523ea364296ae3a6ebacba440',
        'vmbus:e7f4a0a9455a964db8278a841e8c03e6',
        'vmbus:394f16571591784eab55382f3bd5422d',
        'vmbus:30e62795aed07b49adcee80ab0175caf',
        'vmbus:31600b0e13523449818b38d90ced39db',
      ]),
    )
    expect(new Set(surface.modinfo('hv_storvsc')?.alias)).toEqual(
      new Set([
        'vmbus:4acc9b2f6900f34ab76b6fd0be528cda',
        'vmbus:32264132cb86a2449b5c50d1417354f5',
        'vmbus:d96361baa104294db60572e2ffb1dc7f',
      ]),
    )
    expect(surface.modinfo('hv_balloon')?.alias).toEqual(['vmbus:dc7450528589e2468057a307dc18a502'])
    expect(surface.modinfo('hid-hyperv')).toMatchObject({
      name: 'hid_hyperv',
      alias: ['vmbus:9eb6a8cf4a5bc04cb98b8ba1a1f3f95a'],
    })
    expect(surface.modinfo('hyperv_keyboard')?.alias).toEqual(['vmbus:6dad12f9172bea48bd65f927a61c7684'])
    expect(surface.modinfo('hyperv_drm')?.alias).toEqual(['vmbus:02780ada77e3ac4a8e770558eb1073f8'])
    expect(surface.modinfo('hv_sock')).toMatchObject({ version: '1.0.0', alias: ['net-pf-40'] })
    expect([surface.modinfo('hyperv_fb'), surface.modinfo('no_such')]).toEqual([undefined, undefined])
    const files = surface.sysfs()
    expect(files['/sys/module/hv_netvsc/initstate']).toBe('live\n')
    expect(Object.keys(files).filter((path) => path.endsWith('/version'))).toEqual(['/sys/module/hv_sock/version'])
  })

  test.each([
    ['3.10', '3.1'],
    ['3.17', '3.1'],
    ['3.18', undefined],
    ['rhel 7.9', undefined],
    ['rhel 6.8 + lis 4.2.0', '4.2.0'],
    ['rhel 7.6 + lis 4.3.5', '4.3.5'],
    ['rhel 5.9 + lis 4.1.3', '4.1.3-2'],
  ])('%s says %s, and the host hears the number of the services', async (name, version) => {
    const keys = kvp({})
    const world = simulate({ seed: 3 })
    const generation = linuxRelease(name) ?? linux(name)
    const guest = world.guest(generation)
    const host = world.host(ws2012r2, [keys])
    let items: KvpCompletion['items']
    guest.on((event) => {
      if (event.kind === 'host' && event.name === 'kvp:completed') ({ items } = event.detail as KvpCompletion)
    })
    const attached = guest.attach(host)
    await guest.until('running')
    world.run({ seconds: 1 })
    expect(guest.surface.modinfo('hv_vmbus')?.version).toBe(version)
    expect(guest.surface.sysfs()['/sys/module/hv_netvsc/version']).toBe(version && `${version}\n`)
    host.device(attached, keys).enumerate({ pool: 'auto' })
    await guest.until('host:kvp:completed')
    expect(items?.find(({ key }) => key === 'IntegrationServicesVersion')?.value).toBe(version ?? '3.1')
  })

  test('are those of the modules that the system loads', async () => {
    const { surface } = (await up(linux('3.10', { modules: ['hv_utils'] }), NONE)).guest
    const files = Object.keys(surface.sysfs())
    expect(files).toContain('/sys/module/hv_utils/version')
    expect(files).not.toContain('/sys/module/hv_netvsc/version')
    expect(surface.modinfo('hv_netvsc')?.version).toBe('3.1')
    expect(surface.modinfo('hyperv_keyboard')).toBeUndefined()
  })
})

const INSTANCE = '0badc0de-0000-0000-0000-000000000002'

/** A device of a class that nothing here serves. */
const silent = (interfaceId: string, flags = 0) =>
  defineDevice({
    kind: 'silent',
    interfaceIds: [interfaceId],
    offer: () => ({ interfaceId, instanceId: INSTANCE, flags }),
    host: () => ({
      open: () => 1,
      readable: () => {},
      close: () => {},
      save: () => null,
      restore: () => {},
      inspect: () => ({}),
    }),
    guest: () => expect.fail('not to be loaded'),
  })({})

const KEYBOARD = 'f912ad6d-2b17-48ea-bd65-f927a61c7684'
const MOUSE = 'cfa8b69e-5b4a-4cc0-b98b-8ba1a1f3f95a'
const VIDEO = 'da0a7802-e377-4aac-8e77-0558eb1073f8'
const PCI = '44c4f61d-4444-4400-9d52-802e27ede19f'
const OTHER = '11111111-2222-3333-4444-555555555555'
const SOCKET = 0x2000

describe('drivers that have taken a device', () => {
  test.each([
    ['3.2', [undefined, 'hid_hyperv', undefined, undefined, undefined, undefined]],
    ['3.10', [undefined, 'hid_hyperv', 'hyperv_fb', undefined, undefined, undefined]],
    ['3.13', ['hyperv_keyboard', 'hid_hyperv', 'hyperv_fb', undefined, undefined, undefined]],
    ['4.9', ['hyperv_keyboard', 'hid_hyperv', 'hyperv_fb', 'hv_pci', undefined, undefined]],
    ['4.14', ['hyperv_keyboard', 'hid_hyperv', 'hyperv_fb', 'hv_pci', 'hv_sock', undefined]],
    ['6.1', ['hyperv_keyboard', 'hid_hyperv', 'hyperv_drm', 'hv_pci', 'hv_sock', undefined]],
  ])('%s', async (kernel, expected) => {
    const found = []
    for (const [interfaceId, flags] of [[KEYBOARD], [MOUSE], [VIDEO], [PCI], [OTHER, SOCKET], [OTHER]] as const) {
      const { surface } = (await up(linux(kernel), () => [silent(interfaceId, flags ?? 0)], { profile: ws2012r2 }))
        .guest
      const files = surface.sysfs()
      expect(files[`/sys/bus/vmbus/devices/${INSTANCE}/class_id`]).toBe(`{${interfaceId}}\n`)
      found.push(files[`/sys/bus/vmbus/devices/${INSTANCE}/driver`]?.replace('/sys/bus/vmbus/drivers/', ''))
    }
    expect(found).toEqual(expected)
  })

  test('are of the modules that were loaded', async () => {
    const beat = heartbeat({})
    const links = async (generation: LinuxGeneration): Promise<string[]> =>
      Object.entries((await up(generation, () => [beat])).guest.surface.sysfs())
        .filter(([path]) => path.endsWith('/driver'))
        .map(([, target]) => target)
    expect(await links(linux('6.1'))).toEqual(['/sys/bus/vmbus/drivers/hv_utils'])
    expect(await links(linux('4.19'))).toEqual(['/sys/bus/vmbus/drivers/hv_util'])
    expect(await links(linux('6.1', { modules: [] }))).toEqual([])
  })
})

describe('storage by what the driver has', () => {
  const fc = () => [storvsc({ controller: 'fc', luns: [memoryDisk('1M')] })]
  test.each([
    ['3.10', false, false],
    ['4.4', true, false],
    ['4.9', true, true],
  ])('%s: takes a Fibre Channel adapter %s, and tells its names %s', async (kernel, takes, tells) => {
    const { surface } = (await up(linux(kernel), fc, { profile: ws2012r2 })).guest
    expect(surface.disk('sda') !== undefined).toBe(takes)
    const names = Object.entries(surface.sysfs()).filter(([path]) => path.startsWith('/sys/class/fc_host/host0/'))
    expect(names.map(([path]) => path.split('/').at(-1))).toEqual(tells ? ['port_name', 'node_name'] : [])
    for (const [, name] of names) expect(name).toMatch(/^0x[\da-f]{16}\n$/)
  })

  test.each([
    ['3.10', 1],
    ['4.1', 4],
  ])('%s has %i channels on four processors', async (kernel, channels) => {
    const { guest } = await up(linux(kernel), () => [storvsc({ luns: [memoryDisk('1M')] })], { vps: 4 })
    expect(guest.bus.devices.map((device) => device.channels.length)).toEqual([channels])
  })

  test('without hot units a disk that comes later is not looked for', async () => {
    const vector = releaseVector('rhel 7.9') ?? expect.fail('not known')
    for (const hot of [true, false]) {
      const hotLun = { ...vector.fields.hotLun, value: hot }
      const spec = storvsc({ luns: [memoryDisk('1M')] })
      const world = simulate({ seed: 3 })
      const host = world.host(ws2022, [spec])
      const guest = world.guest(linux({ ...vector, fields: { ...vector.fields, hotLun } }))
      const attached = guest.attach(host)
      await guest.until('driver:disk')
      world.run({ seconds: 1 })
      host.device(attached, spec).addLun({ disk: memoryDisk('2M') })
      world.run({ seconds: 2 })
      expect(guest.surface.disks.length).toBe(hot ? 2 : 1)
    }
  })

  // ziozzang/rhel6-kernel-src drivers/scsi/storvsc_drv.c: storvsc_handle_error looks for 2Ah/09h in 43fbacafdc (6.5), and is not in
  // 1352db64e1 (6.4).
  test.each([
    ['rhel 6.4', 1 << 20],
    ['rhel 6.5', 2 << 20],
  ])('%s shows a disk that has grown from 1 MiB with %i bytes', async (release, bytes) => {
    const disk = memoryDisk('1M')
    const { world, guest } = await up(linux(releaseVector(release) ?? expect.fail('not known')), () => [
      storvsc({ luns: [disk] }),
    ])
    world.run({ seconds: 1 })
    disk.resize(4096)
    // The host tells of it with the next command.
    guest.surface.disk('sda')?.read(0, 1)
    world.run({ seconds: 2 })
    expect(guest.surface.disk('sda')?.size).toBe(bytes)
  })
})

const NIC = 'f8615163-0000-1000-2000-00155d000001'
const cpuOf = (guest: WorldGuest<LinuxSurface>): string =>
  Object.keys(guest.surface.sysfs()).find((path) => path.startsWith(`/sys/bus/vmbus/devices/${NIC}/channels/`)) ??
  'no channel'

/** A guest of some processors with an adapter; `echoes` counts what the guest answers to the peer. */
async function networked(generation: LinuxGeneration, vps: number, profile: HostProfile = ws2022) {
  const seed = seeded(1)
  const echoes: number[] = []
  let peer: Peer | undefined
  const made = await up(
    generation,
    (world) => {
      const { clock } = world
      const lan = createSwitch({ clock, seed, timers: world.timers('lan', (name) => lan.timer(name)) })
      const mac = '02:00:00:00:00:01'
      const port = lan.connect({ name: 'peer', mac, receive: (frame) => peer?.receive(frame) })
      peer = createPeer({
        clock,
        seed,
        timers: world.timers('peer', (name) => peer?.timer(name)),
        mac,
        ipv4: '10.0.0.1/24',
        send: (frame) => port.send(frame),
        echoed: ({ sequence }) => void echoes.push(sequence),
      })
      return [netvsc({ switch: lan, mac: '00:15:5d:00:00:01' })]
    },
    { profile, vps, memoryMB: 48 },
  )
  const eth0 = made.guest.surface.net('eth0')
  eth0.setAddress('10.0.0.2/24')
  eth0.up()
  made.world.run({ ms: 100 })
  return { ...made, echoes, ping: (sequence: number) => peer?.ping('10.0.0.2', { sequence }) }
}

describe('interrupts of a channel', () => {
  test('move to the processor that is written to its file, with MODIFYCHANNEL', async () => {
    const { world, guest, messages, interrupted, echoes, ping } = await networked(linux('6.1'), 300)
    expect(guest.bus.vps).toBe(300)
    const path = cpuOf(guest)
    expect(guest.surface.sysfs()[path]).toBe('0\n')
    expect(guest.surface.writeSysfs(path, '299\n')).toBeUndefined()
    world.run({ ms: 10 })
    expect(guest.surface.sysfs()[path]).toBe('299\n')
    // Header of 8 bytes with the type 22, relid, target VP 299 = 0x12b (drivers/hv/channel.c, send_modifychannel_…).
    const relid = Number(/channels\/(\d+)\//.exec(path)?.[1])
      .toString(16)
      .padStart(2, '0')
    expect(messages.filter((bytes) => bytes.startsWith('16000000'))).toEqual([`1600000000000000${relid}0000002b010000`])
    // What the host says arrives there.
    interrupted.clear()
    ping(7)
    world.run({ ms: 10 })
    expect([echoes, interrupted.has(299), interrupted.has(0)]).toEqual([[7], true, false])
    // To where they are is no message.
    expect(guest.surface.writeSysfs(path, '299')).toBeUndefined()
    expect(messages.filter((bytes) => bytes.startsWith('16000000'))).toHaveLength(1)
  })

  test('stay for what is no processor, on a host that has no such message, and with a kernel that has none', async () => {
    const { guest } = await networked(linux('6.1'), 300)
    const path = cpuOf(guest)
    expect(['300', 'no', ''].map((text) => guest.surface.writeSysfs(path, text))).toEqual(['EINVAL', 'EIO', 'EIO'])
    expect(guest.surface.writeSysfs(path.replace('/cpu', '/monitor_id'), '1')).toBe('ENOENT')
    const old = (await networked(linux('6.1'), 2, ws2016)).guest
    expect(old.surface.writeSysfs(cpuOf(old), '1')).toBe('EIO')
    const [later, earlier] = [
      (await networked(linux('5.4'), 2, ws2019)).guest,
      (await networked(linux('4.14'), 2)).guest,
    ]
    expect(later.surface.writeSysfs(cpuOf(later), '1')).toBe('EACCES')
    expect(cpuOf(earlier)).toBe('no channel')
  })
})

describe('more processors than 255', () => {
  test('each have a SynIC, and take beats', async () => {
    const beat = heartbeat({})
    const world = simulate({ seed: 3 })
    const host = world.host(ws2022, [beat])
    const guest = world.guest(linux('6.1'), { vps: 300 })
    const attached = guest.attach(host)
    await guest.until('host:heartbeat:beat')
    // SCONTROL bit 0, TLFS 11.8.1; SINT2 not masked.
    for (const vp of [0, 255, 256, 299]) {
      expect([vp, attached.partition.sintReady(vp, 2)]).toEqual([vp, true])
    }
  })

  test('are not used where interrupts cannot be sent to them: 256 before 5.1, and in RHEL 7.6', async () => {
    for (const [generation, vps] of [
      [linux('5.0'), 256],
      [linux('5.1'), 300],
      [linuxRelease('rhel 7.6'), 256],
      [linuxRelease('rhel 7.7'), 300],
      [linuxRelease('rhel 7.6 + lis 4.3.5'), 256],
    ] as const) {
      const { guest } = await up(generation, NONE, { vps: 300 })
      expect([guest.generation.name, guest.bus.vps]).toEqual([guest.generation.name, vps])
    }
  })
})
