import type { HostSystem } from '@vmbus/core'
import { linux } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import { shutdown } from '@vmbus/shutdown'
import { createHost, hostProfiles, ws2008, ws2012r2, ws2022, type Host } from '@vmbus/host'
import { timesync } from '@vmbus/timesync'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { simulate, type GuestEvent } from '../src/index.ts'
import { generations, codeOf, scenario } from './scenario.ts'

describe.each(hostProfiles.map((profile) => [profile.id, profile] as const))('on %s', (_id, profile) => {
  test.each(generations.map((generation) => [generation.name, generation] as const))(
    '%s speaks the newest version of both, or gives up',
    async (_name, generation) => {
      const { guest, attached, shutdown } = scenario({ profile, generation })
      await guest.until('running')
      const common = Math.max(0, ...generation.versions.filter((version) => profile.vmbus.includes(version)))
      expect([guest.version, attached.bus.version]).toEqual([common, common])
      if (common === 0) return expect(guest.bus.phase).toBe('failed')
      await guest.until('host:heartbeat:beat')
      expect(shutdown()).toBe('sent')
      await guest.until('powered-off')
    },
  )
})

test('the sync message corrects a wrong clock', async () => {
  const { world, guest } = scenario({ clockAhead: -3600n * BigInt(TICKS_PER_SECOND) })
  await guest.until('offers-delivered')
  expect(world.clock.fileTime() - guest.wallClock()).toBe(3600n * BigInt(TICKS_PER_SECOND))
  await guest.until('clock-set')
  expect(guest.wallClock()).toBe(world.clock.fileTime())
})

test('a module that is loaded after the bus brings its drivers, and none when the bus gave up', async () => {
  const seen: GuestEvent[] = []
  const up = scenario()
  up.guest.on((event) => void seen.push(event))
  await up.guest.until('running')
  expect(seen.flatMap((event) => (event.kind === 'module' ? [[event.name, event.loaded]] : []))).toEqual([
    ['hv_vmbus', true],
    ['hv_storvsc', true],
    ['hv_netvsc', true],
    ['hv_utils', true],
    ['hv_balloon', true],
  ])
  const down = scenario({ profile: ws2008 })
  const refused: GuestEvent[] = []
  down.guest.on((event) => void refused.push(event))
  await down.guest.until('running')
  expect(refused.flatMap((event) => (event.kind === 'module' ? [[event.name, event.loaded]] : []))).toEqual([
    ['hv_vmbus', true],
    ['hv_storvsc', false],
    ['hv_netvsc', false],
    ['hv_utils', false],
    ['hv_balloon', false],
  ])
})

test('guests of a world do not touch each other', async () => {
  await using world = simulate({ seed: 3 })
  const host = world.host(ws2022, [heartbeat({})])
  const old = world.host(ws2012r2, [heartbeat({})])
  const guests = [world.guest(linux('6.1')), world.guest(linux('5.10'), { name: 'other' }), world.guest(linux('4.4'))]
  const [a, b, c] = guests
  const hosts = [a?.attach(host), b?.attach(host), c?.attach(old)]
  world.run({ seconds: 10 })
  expect(guests.map(({ name, version }) => [name, version])).toEqual([
    ['guest-1', 0x5_0003],
    ['other', 0x5_0002],
    ['guest-3', 0x3_0000],
  ])
  expect(hosts.map((each) => each?.devices('heartbeat')[0]?.device.inspect()['status'])).toEqual(
    Array(3).fill('ok-applications-unknown'),
  )
  expect(world.inspect()['guests']).toHaveLength(3)
})

test('a guest with several processors connects, and one that has ended starts afresh on any host', async () => {
  await using world = simulate({ seed: 4 })
  const guest = world.guest(linux('6.1'), { vps: 4 })
  const stop = shutdown({})
  const host = world.host(ws2022, [stop, heartbeat({})])
  const attached = guest.attach(host)
  await guest.until('host:heartbeat:beat')
  expect(attached.partition.vps).toBe(4)
  host.device(attached, stop).request({ action: 'restart' })
  await guest.until('restarting')

  const next = guest.attach(world.host(ws2012r2, [heartbeat({})]))
  await guest.until('host:heartbeat:beat')
  expect([guest.version, next.bus.version]).toEqual([0x3_0000, 0x3_0000])
})

test('a host of your own serves a guest as ours does', async () => {
  const mine: HostSystem<Host> = {
    name: 'mine',
    attach(port) {
      const made = createHost(ws2022, port)
      made.offer(heartbeat({}))
      made.bus.on(({ kind }) => port.event(kind))
      return made
    },
  }
  await using world = simulate({ seed: 2 })
  const guest = world.guest(linux('6.1'))
  const host = guest.attach(mine)
  await guest.until('host:opened')
  world.run({ seconds: 3 })
  expect(host.devices('heartbeat')[0]?.device.inspect()).toMatchObject({
    status: 'ok-applications-unknown',
    answered: 2,
  })
})

test('timers of something of your own fire in the time of the world, and are saved with it', async () => {
  const fired: (readonly [string, number])[] = []
  const make = () => {
    const world = simulate({ seed: 6 })
    const timers = world.timers('lan', (name) => void fired.push([name, world.clock.now()]))
    return { world, timers }
  }
  const { world, timers } = make()
  timers.set('late', 500)
  timers.set('early', 200)
  timers.set('never', 300)
  timers.clear('never')
  expect(world.step()).toBe(true)
  expect(fired.splice(0)).toEqual([['early', 200]])
  const again = make()
  again.world.restore(world.save())
  await world[Symbol.asyncDispose]()
  again.world.run(1000)
  expect(fired).toEqual([['late', 500]])
})

test('a paused guest loses beats, and answers again when it goes on', async () => {
  const { world, guest, attached } = scenario()
  await guest.until('host:heartbeat:beat')
  guest.pause()
  world.run({ seconds: 7 })
  const paused = attached.devices('heartbeat')[0]?.device.inspect()
  expect(paused).toMatchObject({ status: 'lost-communication', answered: 1 })
  guest.resume()
  world.run({ ms: 1 })
  expect(attached.devices('heartbeat')[0]?.device.inspect()).toMatchObject({
    status: 'ok-applications-unknown',
    answered: 2,
  })
})

describe('what cannot be done says why', () => {
  test('waiting', async () => {
    const { world, guest, shutdown } = scenario()
    await expect(guest.until('suspended', { seconds: 5 })).rejects.toThrow(
      expect.objectContaining({ code: 'VMBUS_SIMULATION_TIMEOUT' }),
    )
    expect(world.clock.now()).toBe(5 * TICKS_PER_SECOND)
    await expect(guest.until('suspended', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
    shutdown()
    await expect(guest.until('suspended')).rejects.toThrow(expect.objectContaining({ code: 'VMBUS_SIMULATION_ENDED' }))
  })

  test('nothing is left to happen', async () => {
    await using world = simulate({ seed: 1 })
    const guest = world.guest({ ...linux('6.1'), load: [] })
    guest.attach(world.host(ws2022))
    await expect(guest.until('connected')).rejects.toThrow(expect.objectContaining({ code: 'VMBUS_SIMULATION_IDLE' }))
  })

  test('the interface of a system that shows none', async () => {
    await using world = simulate({ seed: 1 })
    const guest = world.guest({ ...linux('6.1'), surface: () => ({}) })
    expect(codeOf(() => guest.net('eth0'))).toBe('VMBUS_SIMULATION_STATE')
    guest.attach(world.host(ws2022))
    expect(codeOf(() => guest.net('eth0'))).toBe('VMBUS_SIMULATION_OPTION')
  })

  test('timers of one name twice', async () => {
    await using world = simulate({ seed: 1 })
    world.timers('lan', () => undefined)
    expect(codeOf(() => world.timers('lan', () => undefined))).toBe('VMBUS_SIMULATION_OPTION')
  })

  test('attaching, naming, disposing', async () => {
    const { world, host, guest } = scenario()
    expect(codeOf(() => guest.attach(host))).toBe('VMBUS_SIMULATION_STATE')
    expect(codeOf(() => world.guest(linux('6.1'), { name: 'guest-1' }))).toBe('VMBUS_SIMULATION_OPTION')
    const other = world.guest(linux('6.1'))
    expect(codeOf(() => other.bus)).toBe('VMBUS_SIMULATION_STATE')
    expect(codeOf(() => host.device(other.attach(host), heartbeat({})))).toBe('VMBUS_SIMULATION_OPTION')
    await world[Symbol.asyncDispose]()
    expect(codeOf(() => world.step())).toBe('VMBUS_SIMULATION_DISPOSED')
  })

  test.each([
    { seed: 0.5 },
    { seed: 1, interruptDelay: { min: 5, max: 1 } },
    { seed: 1, taskDelay: { min: -1, max: 1 } },
  ])('%j', (options) => {
    expect(codeOf(() => simulate(options))).toBe('VMBUS_SIMULATION_OPTION')
  })
})

test('a guest that goes on elsewhere over the RAM it had is the one whose RAM was copied, and is not powered on again', async () => {
  const first = scenario({ seed: 9 })
  await first.guest.until('running')
  first.world.run({ seconds: 3 })
  const [whole, withoutMemory] = [first.world.save(), first.world.save({ memory: false })]
  const copied = scenario({ seed: 9 })
  copied.world.restore(whole)
  const moved = simulate({ seed: 9 })
  const guest = moved.guest(first.guest.generation, { memory: first.guest.memory })
  const told: GuestEvent[] = []
  guest.on((event) => void told.push(event))
  guest.attach(moved.host(ws2022, [shutdown({}), heartbeat({}), timesync({})]), { goesOn: true })
  expect([guest.power, told, moved.step()]).toEqual(['off', [], false])
  moved.restore(withoutMemory)
  expect(guest.power).toBe('running')
  for (const world of [copied.world, moved]) world.run({ seconds: 5 })
  expect(Buffer.compare(guest.memory.bytes, copied.guest.memory.bytes)).toBe(0)
  expect(guest.memory).toBe(first.guest.memory)
})
