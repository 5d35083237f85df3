import { balloonFloor } from '@vmbus/balloon'
import type { Guest } from '@vmbus/machine-v86'
import { describe, expect, it } from 'vitest'
import type { RealHostResult } from '../src/real/boot-report.ts'
import { MEMORY_MB, bootGuest } from './real-guest.ts'

/**
 * The version of dynamic memory on each host that offers it, typed from wire/07 §1 (0.3 Windows 7, 1.0 Windows 8, 2.0
 * Windows 10) and hosts.json; both kernels ask for 2.0, 1.0 and 0.3. Linux 6.1 has no VMBus version in common with 2008 R2.
 */
const VERSIONS: Readonly<Record<string, readonly [for5_10: string | null, for6_1: string | null]>> = {
  ws2008r2: ['0.3', null],
  ws2012: ['1.0', '1.0'],
  ws2012r2: ['1.0', '1.0'],
  'win10-1507': ['2.0', '2.0'],
  'win10-1511': ['2.0', '2.0'],
  ws2016: ['2.0', '2.0'],
  'win10-1703': ['2.0', '2.0'],
  'win10-1709': ['2.0', '2.0'],
  'win10-1803': ['2.0', '2.0'],
  ws2019: ['2.0', '2.0'],
  'win10-1903': ['2.0', '2.0'],
  'win10-2004': ['2.0', '2.0'],
  ws2022: ['2.0', '2.0'],
  'win11-22h2': ['2.0', '2.0'],
  ws2025: ['2.0', '2.0'],
  azurelocal: ['2.0', '2.0'],
}

const KERNELS = [
  { release: 'debian-11', flavour: '686' },
  { release: 'debian-12', flavour: '686' },
] as const

const BOOT_PAGES = MEMORY_MB * 256
const SETTLE_SECONDS = 2

interface HostMemory {
  readonly phase: string
  readonly version: string
  readonly assignedPages: number
  readonly balloonedPages: number
  readonly pressure: { readonly available: number; readonly committed: number }
  readonly reports: number
}

const MODULES = ['hv_vmbus', 'hv_balloon']
const started = (kernel: (typeof KERNELS)[number], profile: string): Promise<Guest> =>
  bootGuest(kernel, { profile, devices: { balloon: { settleSeconds: SETTLE_SECONDS } } })

/** A line of /proc/meminfo in pages. */
async function meminfo(guest: Guest, line: string): Promise<number> {
  const { output } = await guest.exec(`grep ^${line}: /proc/meminfo`)
  return Number(/(\d+) kB/.exec(output)?.[1]) / 4
}

const hostMemory = async (guest: Guest): Promise<HostMemory> => (await guest.call('balloon.inspect')) as HostMemory

/**
 * From 5.11 on the kernel takes ballooned pages out of what it manages (adjust_managed_page_count): MemTotal then has the
 * balloon to the page. Before, only free memory shrinks, which other things change, too: a few hundred pages.
 */
const COUNTED_IN_TOTAL: Readonly<Record<string, boolean>> = { 'debian-11': false, 'debian-12': true }
const NOISE = 512

interface Before {
  readonly total: number
  readonly available: number
}

const look = async (guest: Guest): Promise<Before> => ({
  total: await meminfo(guest, 'MemTotal'),
  available: await meminfo(guest, 'MemAvailable'),
})

/** Asks, waits until the guest has answered, and compares what each side says. */
async function move(
  guest: Guest,
  release: string,
  before: Before,
  action: 'balloon' | 'unballoon',
  pages: number,
): Promise<HostMemory> {
  expect(await guest.call(`balloon.${action}`, pages)).toBe('begun')
  await guest.run(1)
  const memory = await hostMemory(guest)
  expect(memory.phase).toBe('idle')
  expect(memory.assignedPages).toBe(BOOT_PAGES - memory.balloonedPages)
  const now = await look(guest)
  expect(before.total - now.total).toBe(COUNTED_IN_TOTAL[release] ? memory.balloonedPages : 0)
  expect(Math.abs(before.available - now.available - memory.balloonedPages)).toBeLessThan(NOISE)
  return memory
}

describe.each(KERNELS)('$release $flavour', (kernel) => {
  it.concurrent.each(Object.entries(VERSIONS))(
    'on %s gives up memory and takes it back',
    { timeout: 300_000 },
    async (profile, versions) => {
      const expected = versions[kernel.release === 'debian-11' ? 0 : 1]
      await using guest = await started(kernel, profile)
      const loaded = await guest.load(MODULES)
      if (expected === null) {
        expect(loaded['hv_vmbus']?.status).not.toBe(0)
        expect(((await guest.result()).host as RealHostResult).version).toBeNull()
        expect(await hostMemory(guest)).toMatchObject({ phase: 'closed', assignedPages: BOOT_PAGES })
        return
      }
      expect(loaded['hv_balloon']?.status).toBe(0)
      await guest.run(SETTLE_SECONDS)
      expect(await hostMemory(guest)).toMatchObject({ phase: 'idle', version: expected, balloonedPages: 0 })
      const before = await look(guest)
      for (const [action, pages, ballooned] of [
        ['balloon', 5000, 5000],
        ['balloon', 1, 5001],
        ['unballoon', 1500, 3501],
        ['unballoon', 1 << 20, 0],
      ] as const) {
        expect((await move(guest, kernel.release, before, action, pages)).balloonedPages).toBe(ballooned)
      }
    },
  )
})

describe.each(KERNELS)('$release $flavour', (kernel) => {
  it('gives up what it has above its floor, and all of it comes back', { timeout: 300_000 }, async () => {
    await using guest = await started(kernel, 'ws2022')
    await guest.load(MODULES)
    await guest.run(SETTLE_SECONDS)
    const before = await look(guest)
    const floor = balloonFloor(before.total)
    const { balloonedPages } = await move(guest, kernel.release, before, 'balloon', BOOT_PAGES)
    expect(Math.abs(balloonedPages - (before.available - floor))).toBeLessThan(NOISE)
    expect(await meminfo(guest, 'MemAvailable')).toBeGreaterThan(floor - NOISE)
    expect((await guest.exec('echo alive')).output.trim()).toBe('alive')
    expect((await move(guest, kernel.release, before, 'unballoon', balloonedPages)).balloonedPages).toBe(0)
  })
})

it(
  'a 32-bit kernel sends no status report until its jiffies wrap at 300 s, then one a second',
  { timeout: 300_000 },
  async () => {
    await using guest = await started({ release: 'debian-12', flavour: '686' }, 'ws2022')
    await guest.load(MODULES)
    const uptime = async (): Promise<number> => Number((await guest.exec('cat /proc/uptime')).output.split(' ')[0])
    await guest.run(295 - (await uptime()))
    expect((await hostMemory(guest)).reports).toBe(0)
    await guest.run(5 + 20)
    const { reports, pressure } = await hostMemory(guest)
    const seconds = (await uptime()) - 300
    expect(Math.abs(reports - seconds)).toBeLessThan(3)
    expect(Math.abs(pressure.available - (await meminfo(guest, 'MemAvailable')))).toBeLessThan(NOISE)
    expect(pressure.committed).toBeGreaterThan(balloonFloor(await meminfo(guest, 'MemTotal')))
  },
)
