import { memoryDisk, queued, type BlockDevice, type QueuedDisk } from '@vmbus/disk'
import { linux, type IoResult, type LinuxDisk, type LinuxSurface } from '@vmbus/guest-linux'
import { ws2022 } from '@vmbus/host'
import { simulate, type World, type WorldGuest } from '@vmbus/simulation'
import { storvsc, type LunOptions, type StorvscHostOptions } from '@vmbus/storvsc'
import { seeded, type TraceEvent } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

const MS = 10_000
const MiB = 1 << 20

interface Told {
  readonly world: World
  readonly guest: WorldGuest<LinuxSurface>
  readonly crossed: string[]
}

function told(controllers: readonly StorvscHostOptions[], kernel = '6.1', memoryMB = 2): Told {
  const world = simulate({ seed: 1 })
  const host = world.host(
    ws2022,
    controllers.map((options) => storvsc(options)),
  )
  const guest = world.guest(linux(kernel, { modules: ['hv_storvsc'] }), { memoryMB })
  const crossed: string[] = []
  guest.attach(host, {
    trace(event: TraceEvent) {
      if (event.kind === 'message' || event.kind === 'packet')
        crossed.push(`${event.kind} ${event.to} ${Buffer.from(event.bytes).toString('hex')}`)
    },
  })
  return { world, guest, crossed }
}

async function up(luns: readonly LunOptions[], kernel?: string): Promise<Told & { readonly disk: LinuxDisk }> {
  const all = told([{ luns }], kernel)
  await all.guest.until('driver:disk')
  const disk = all.guest.surface.disk('sda')
  if (disk === undefined) throw new Error('no sda')
  return { ...all, disk }
}

const pattern = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => (index * 7 + (index >> 9)) & 0xff)

/** How requests ended, once all have. */
async function ends(guest: WorldGuest, disk: LinuxDisk, ids: readonly number[]): Promise<IoResult[]> {
  const results = new Map<number, IoResult>()
  for (;;) {
    for (const id of ids) {
      const result = disk.take(id)
      if (result !== undefined) results.set(id, result)
    }
    if (results.size === ids.length) return ids.flatMap((id) => results.get(id) ?? [])
    await guest.until('driver:io')
  }
}

/** `toEqual` takes seconds for a mebibyte. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

const readFrom = (disk: BlockDevice, sector: number, bytes: number): Uint8Array => {
  const data = new Uint8Array(bytes)
  expect(disk.read(sector, [data])).toBe('ok')
  return data
}

describe.each(['6.1', '5.10', '3.10'])('a disk of Linux %s', (kernel) => {
  test('is what the host gave it, and keeps what is written', async () => {
    const backend = memoryDisk('16M')
    const { guest, disk } = await up([backend], kernel)
    expect([disk.name, disk.size, disk.logicalBlockSize, disk.vendor, disk.model, disk.address]).toEqual([
      'sda',
      16 << 20,
      512,
      'Msft',
      'Virtual Disk',
      '0:0:0:0',
    ])
    const data = pattern(300 * 1024)
    const write = disk.write(3, data)
    const flush = disk.flush()
    expect(await ends(guest, disk, [write, flush])).toEqual([{ outcome: 'good' }, { outcome: 'good' }])
    expect(disk.take(write)).toBeUndefined()
    expect(same(readFrom(backend, 3, data.length), data)).toBe(true)
    const read = disk.read(5, 513)
    expect(disk.take(read)).toBeUndefined()
    const [{ outcome, data: found } = { outcome: 'error' }] = await ends(guest, disk, [read])
    expect([outcome, same(found ?? new Uint8Array(), data.subarray(2 * 512, 515 * 512))]).toEqual(['good', true])
  })

  test(kernel === '3.10' ? 'cannot give space back' : 'gives space back', async () => {
    const backend = memoryDisk('16M')
    const { guest, disk } = await up([backend], kernel)
    // 3.10 takes units for SPC-2: it asks for no page, and a short capacity has no word of space.
    expect(disk.canDiscard).toBe(kernel !== '3.10')
    if (!disk.canDiscard) return
    await ends(guest, disk, [disk.write(0, pattern(MiB))])
    expect(same(readFrom(backend, 0, MiB), pattern(MiB))).toBe(true)
    expect(await ends(guest, disk, [disk.discard(0, 2048)])).toEqual([{ outcome: 'good' }])
    expect(same(readFrom(backend, 0, MiB), new Uint8Array(MiB))).toBe(true)
  })
})

test('blocks of 4096 bytes are counted in sectors of 512, and no part of one is touched', async () => {
  const backend = memoryDisk('8M', { sectorSize: 4096 })
  const { guest, disk } = await up([backend])
  expect([disk.size, disk.logicalBlockSize, disk.physicalBlockSize]).toEqual([8 << 20, 4096, 4096])
  const data = pattern(4096)
  expect(await ends(guest, disk, [disk.write(16, data)])).toEqual([{ outcome: 'good' }])
  expect(readFrom(backend, 2, 4096)).toEqual(data)
  for (const wrong of [() => disk.read(1, 8), () => disk.read(8, 1), () => disk.write(8, new Uint8Array(512))])
    expect(wrong).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_DISK' }))
})

test('what a disk cannot do is refused before anything is sent', async () => {
  const { disk, crossed } = await up([{ disk: memoryDisk('1M', { readOnly: true }), unmap: false }])
  const before = crossed.length
  expect([disk.readOnly, disk.canDiscard]).toEqual([true, false])
  for (const wrong of [
    () => disk.read(2048, 1),
    () => disk.read(2047, 2),
    () => disk.read(-1, 1),
    () => disk.read(0.5, 1),
    () => disk.read(0, 0),
    () => disk.write(0, new Uint8Array(512)),
    () => disk.write(0, new Uint8Array(100)),
    () => disk.write(0, new Uint8Array()),
    () => disk.discard(0, 8),
  ])
    expect(wrong).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_DISK' }))
  expect(crossed.length).toBe(before)
})

test('disks of several controllers have one row of names, hosts one of numbers', async () => {
  const { guest } = told([
    { luns: [memoryDisk('1M'), memoryDisk('2M')] },
    { luns: [memoryDisk('3M')], controller: 'ide' },
    { luns: [memoryDisk('4M')], instanceId: '00000000-0000-0000-0000-000000000042' },
  ])
  while (guest.surface.disks.length < 4) await guest.until('driver:disk')
  const disks = guest.surface.disks.toSorted((a, b) => a.size - b.size)
  expect(disks.map(({ name }) => name).toSorted()).toEqual(['sda', 'sdb', 'sdc', 'sdd'])
  const hosts = disks.map(({ address }) => address.split(':')[0])
  expect([hosts[0] === hosts[1], new Set(hosts)]).toEqual([true, new Set(['0', '1', '2'])])
  expect(disks.map(({ address, size }) => `${address.slice(2)} ${size / MiB}`)).toEqual([
    '0:0:0 1',
    '0:0:1 2',
    '0:0:0 3',
    '0:0:0 4',
  ])
  expect(guest.surface.disk('sde')).toBeUndefined()
})

test('requests end once when their controller goes, and their disks with it', async () => {
  const backend = queued(memoryDisk('8M'), { seed: seeded(3), minDelay: 50 * MS })
  const world = simulate({ seed: 1 })
  const guest = world.guest(linux('6.1', { modules: ['hv_storvsc'] }))
  const attached = guest.attach(world.host(ws2022))
  await guest.until('running')
  const controller = attached.offer(storvsc({ luns: [backend] }))
  await guest.until('driver:disk')
  const disk = guest.surface.disk('sda')
  if (disk === undefined) throw new Error('no sda')
  const ids = [disk.read(0, 8), disk.write(8, new Uint8Array(1 << 20)), disk.flush()]
  const seen: number[] = []
  guest.on((event) => {
    if (event.kind === 'driver' && event.name === 'io') seen.push((event.detail as { id: number }).id)
  })
  world.run({ ms: 1 })
  controller?.rescind()
  world.run({ seconds: 1 })
  expect(new Set(seen)).toEqual(new Set(ids))
  expect(seen.length).toBe(ids.length)
  expect(ids.map((id) => disk.take(id)?.outcome)).toEqual(['no-connect', 'no-connect', 'no-connect'])
  expect(guest.surface.disks).toEqual([])
  expect(() => disk.read(0, 8)).toThrow(expect.objectContaining({ code: 'VMBUS_LINUX_DISK' }))
})

test('saved and restored after any step, with requests under way, changes no later byte', async () => {
  const begin = (): Told & { readonly backend: QueuedDisk } => {
    const backend = queued(memoryDisk('8M'), { seed: seeded(3), minDelay: 1 * MS, maxDelay: 9 * MS })
    return { ...told([{ luns: [backend] }], '6.1', 1), backend }
  }
  /** Two reads, two writes, one of them in parts, a flush and a discard at once. */
  const act = ({ surface }: WorldGuest<LinuxSurface>): void => {
    const disk = surface.disk('sda')
    disk?.read(0, 8)
    disk?.write(100, pattern(300 * 1024))
    disk?.read(99, 3)
    disk?.write(7, pattern(512))
    disk?.flush()
    disk?.discard(4096, 512)
  }
  const results = ({ surface }: WorldGuest<LinuxSurface>): unknown[] =>
    [1, 2, 3, 4, 5, 6].map((id) => surface.disk('sda')?.take(id))
  const isOver = ({ guest }: Told): boolean => guest.bus.devices[0]?.driver?.inspect()['requests'] === 0
  const isFound = ({ guest }: Told): boolean => guest.surface.disk('sda') !== undefined
  const first = begin()
  const saves: { world: unknown; disk: ReturnType<QueuedDisk['save']>; crossed: number; begun: boolean }[] = []
  const keep = (begun: boolean): void =>
    void saves.push({ world: first.world.save(), disk: first.backend.save(), crossed: first.crossed.length, begun })
  while (!isFound(first)) {
    first.world.step()
    keep(false)
  }
  act(first.guest)
  do keep(true)
  while (!isOver(first) && first.world.step())
  const [searching, working] = [saves.filter(({ begun }) => !begun), saves.filter(({ begun }) => begun)]
  expect([searching.length > 10, working.length > 12]).toEqual([true, true])
  const ended = results(first.guest)
  expect(ended.map((end) => (end as { outcome: string }).outcome)).toEqual(Array.from({ length: 6 }, () => 'good'))

  const again = begin()
  for (const { world, disk, crossed, begun } of saves) {
    again.backend.restore(disk)
    again.world.restore(world)
    const from = again.crossed.length
    if (!begun) {
      while (!isFound(again)) again.world.step()
      act(again.guest)
    }
    while (!isOver(again) && again.world.step());
    expect(again.crossed.slice(from).join('\n')).toBe(first.crossed.slice(crossed).join('\n'))
    expect(results(again.guest)).toEqual(ended)
  }
})

test('a drive has no disk driver, so no name', async () => {
  const { guest } = told([{ luns: [{ dvd: memoryDisk('2M') }, memoryDisk('1M')] }])
  await guest.until('driver:disk')
  expect(guest.surface.disks.map(({ name, address }) => [name, address])).toEqual([['sda', '0:0:0:1']])
})

test('hibernation ends what is under way; afterwards the disks are the ones of before, and nothing is looked for again', async () => {
  const backend = queued(memoryDisk('8M'), { seed: seeded(3), minDelay: 50 * MS })
  const { world, guest, disk, crossed } = await up([backend])
  const interrupted = disk.read(0, 8)
  world.run({ ms: 1 })
  guest.bus.suspend()
  world.run({ seconds: 1 })
  expect(disk.take(interrupted)).toEqual({ outcome: 'aborted' })
  const before = crossed.length
  guest.bus.resume()
  world.run({ seconds: 1 })
  expect(guest.surface.disks.map(({ name }) => name)).toEqual(['sda'])
  expect(await ends(guest, disk, [disk.read(0, 8)])).toEqual([{ outcome: 'good', data: new Uint8Array(4096) }])
  // BEGIN, version, properties, END, and the one READ; a search would be dozens.
  expect(crossed.slice(before).filter((line) => line.startsWith('packet host'))).toHaveLength(5)
})
