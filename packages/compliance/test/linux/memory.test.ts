import { balloon, balloonFloor, type BalloonHost } from '@vmbus/balloon'
import { linux, type LinuxSurface } from '@vmbus/guest-linux'
import { ws2012r2, ws2022, type HostProfile } from '@vmbus/host'
import { simulate, type World, type WorldGuest } from '@vmbus/simulation'
import { describe, expect, test } from 'vitest'

/** Little more than the floor of so small a guest. */
const MEMORY_MB = 52
const RAM = MEMORY_MB * 256

interface Started {
  readonly world: World
  readonly guest: WorldGuest<LinuxSurface>
  readonly device: BalloonHost
  readonly crossed: string[]
}

async function started(release: string, profile: HostProfile = ws2022): Promise<Started> {
  const world = simulate({ seed: 5 })
  const spec = balloon({ settleSeconds: 1 })
  const host = world.host(profile, [spec])
  const guest = world.guest(linux(release, { modules: ['hv_balloon'] }), { memoryMB: MEMORY_MB })
  const crossed: string[] = []
  const attached = guest.attach(host, {
    trace(event) {
      if (event.kind === 'packet') crossed.push(`to ${event.to}: ${Buffer.from(event.bytes).toString('hex')}`)
    },
  })
  await guest.until('host:balloon:ready')
  return {
    world,
    guest,
    crossed,
    get device() {
      return host.device(attached, spec)
    },
  }
}

/** 8 MiB and half of the total, for a guest of less than 128 MiB (docs/wire/07 §3). */
const floorOf = (total: number): number => 2048 + Math.floor(total / 2)

describe.each(['5.10.0-32-686', '6.1.0-50-686-pae', '6.1.0-50-amd64'])('the memory of %s', (release) => {
  test('is what the host counts, after each operation', async () => {
    const told = await started(release)
    const { guest } = told
    const { total, free } = guest.surface.memory
    for (const [act, ballooned] of [
      [() => told.device.balloon(100), 100],
      [() => told.device.balloon(1), 101],
      [() => told.device.unballoon(50), 51],
      [() => told.device.unballoon(1 << 20), 0],
    ] as const) {
      expect(act()).toBe('begun')
      told.world.run({ seconds: 1 })
      expect(told.device.balloonedPages).toBe(ballooned)
      expect(told.device.assignedPages).toBe(RAM - ballooned)
      expect(guest.surface.memory.ballooned).toBe(ballooned)
      expect(guest.surface.memory.free).toBe(free - ballooned)
      expect(guest.surface.memory.total).toBe(total - (release.startsWith('5.10') ? 0 : ballooned))
    }
  })

  test('is not given up below its floor', async () => {
    const told = await started(release)
    const { total, free } = told.guest.surface.memory
    expect(balloonFloor(total)).toBe(floorOf(total))
    told.device.balloon(RAM)
    told.world.run({ seconds: 1 })
    expect(free).toBeGreaterThan(floorOf(total) + 100)
    expect(told.device.balloonedPages).toBe(free - floorOf(total))
  })
})

test('a kernel before 5.6 gives up whole 2 MiB at its floor, one after it every page above it', async () => {
  for (const [release, unit] of [
    ['4.19.0-27-686', 512],
    ['5.4.0-1-686', 512],
    ['5.10.0-32-686', 1],
  ] as const) {
    const told = await started(release)
    const { total, free } = told.guest.surface.memory
    const above = free - floorOf(total)
    expect(above % 512).toBeGreaterThan(0)
    told.device.balloon(RAM)
    told.world.run({ seconds: 1 })
    expect(told.device.balloonedPages).toBe(Math.floor(above / unit) * unit)
  }
})

test('a 64-bit kernel takes memory in; a 32-bit one claims to, and says that it never will', async () => {
  const block = { start: 65_536, count: 32_768 }
  const done = async (release: string): Promise<{ readonly added: number; readonly again: string }> => {
    const told = await started(release)
    expect(told.device.hotAdd(block)).toBe('begun')
    await told.guest.until('host:balloon:hot-add')
    return {
      added: told.device.hotAddedPages,
      again: told.device.hotAdd({ ...block, start: block.start + block.count }),
    }
  }
  expect(await done('6.1.0-50-amd64')).toEqual({ added: 32_768, again: 'begun' })
  expect(await done('6.1.0-50-686-pae')).toEqual({ added: 0, again: 'not-supported' })
})

test('reports begin after 45 seconds, in a 32-bit kernel when it has been up for 300', async () => {
  for (const [release, from] of [
    ['6.1.0-50-amd64', 48],
    ['6.1.0-50-686-pae', 301],
  ] as const) {
    const { world, guest } = await started(release, ws2012r2)
    await guest.until('host:balloon:pressure', { seconds: 400 })
    const seconds = world.clock.now() / 10_000_000
    expect(Math.abs(seconds - from)).toBeLessThan(2)
  }
})

/** Long enough for some status reports. */
const MOMENT = { seconds: 30 }

describe('a world whose memory moves', () => {
  const life = [
    ({ device }: Started) => device.balloon(700),
    ({ device }: Started) => device.unballoon(20),
    ({ device }: Started) => device.unballoon(1 << 20),
  ]
  const live = (told: Started, acts: typeof life): void => {
    for (const act of acts) {
      act(told)
      told.world.run(MOMENT)
    }
  }

  test.each([0, 1, 2])('saved and restored before or within operation %i changes no later byte', async (index) => {
    const whole = await started('6.1.0-50-amd64')
    live(whole, life)
    expect(whole.crossed.length).toBeGreaterThan(20)
    for (const isWithin of [false, true]) {
      const [told, again] = [await started('6.1.0-50-amd64'), await started('6.1.0-50-amd64')]
      live(told, life.slice(0, index))
      if (isWithin) life[index]?.(told)
      again.world.restore(told.world.save())
      const from = again.crossed.length
      if (isWithin) again.world.run(MOMENT)
      live(again, life.slice(isWithin ? index + 1 : index))
      expect(again.crossed.slice(from)).toEqual(whole.crossed.slice(told.crossed.length))
      expect({ ...again.guest.surface.memory }).toEqual({ ...whole.guest.surface.memory })
    }
  })
})
