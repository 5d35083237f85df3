import type { Channel } from '@vmbus/core'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { netvsc } from '../src/index.ts'
import { GUEST_MAC, PEER_MAC, connected, frameTo, world as make, type World } from './world.ts'

// What an adapter is told, and what it says of itself.

const SECTIONS = 'netvsc.connection.receiveBuffer.sections'

interface SavedSections {
  readonly count: number
  free: number[]
  packets: number[][]
}
const sectionsOf = (state: Record<string, unknown>): SavedSections =>
  (state as { connection: { receiveBuffer: { sections: SavedSections } } }).connection.receiveBuffer.sections

const lan = () => createSwitch({ clock: virtualClock(), timers: timerQueue(() => undefined), seed: seeded(1) })
const codeOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return error instanceof Error && 'code' in error
      ? `${String(error.code)} ${String('field' in error && error.field)}`
      : String(error)
  }
  return 'nothing'
}

describe('options', () => {
  test.each([
    [{ speed: Number.NaN }, 'netvsc.speed'],
    [{ speed: 1e9 / 3 }, 'netvsc.speed'],
    [{ speed: -1 }, 'netvsc.speed'],
    [{ speed: Infinity }, 'netvsc.speed'],
    [{ mtu: 1499 }, 'netvsc.mtu'],
    [{ mtu: 65_522 }, 'netvsc.mtu'],
    [{ queues: 0 }, 'netvsc.queues'],
    [{ queues: 65 }, 'netvsc.queues'],
    [{ queues: 2.5 }, 'netvsc.queues'],
    [{ mac: '00:15:5d:00:00' }, 'netvsc.mac'],
    [{ mac: 7 }, 'netvsc.mac'],
    [{ macSpoofing: 'yes' }, 'netvsc.macSpoofing'],
    [{ vfReceive: 1 }, 'netvsc.vfReceive'],
    [{ MTU: 1500 }, 'netvsc.MTU'],
    [{ swich: 1 }, 'netvsc.swich'],
  ])('of a host with %o are refused', (options, field) => {
    expect(codeOf(() => netvsc({ switch: lan(), ...(options as object) }))).toBe(`VMBUS_OPTIONS_INVALID ${field}`)
  })

  test('of a host without a switch are refused, and the largest are taken', () => {
    expect(codeOf(() => netvsc({} as never))).toBe('VMBUS_OPTIONS_INVALID netvsc.switch')
    expect(
      codeOf(() => netvsc({ switch: lan(), mtu: 65_521, queues: 64, speed: 2 ** 53 - 1, mac: '00-15-5D-00-00-01' })),
    ).toBe('nothing')
  })

  test.each([
    [{ mtu: 67 }, 'mtu'],
    [{ mtu: Number.NaN }, 'mtu'],
    [{ channels: 65 }, 'channels'],
    [{ ringPages: 1 }, 'ringPages'],
    [{ sendBufferBytes: 0 }, 'sendBufferBytes'],
    [{ receiveBufferBytes: 1.5e6 + 0.5 }, 'receiveBufferBytes'],
    [{ sendPages: -1 }, 'sendPages'],
    [{ versions: [] }, 'versions'],
    [{ filter: 2 ** 32 }, 'filter'],
    [{ requestOffset: 4096 }, 'requestOffset'],
    [{ onframe: () => undefined }, 'onframe'],
  ])('of a driver with %o are refused', (options, field) => {
    const refused = codeOf(() => connected({ guest: options as object }))
    expect(refused).toBe(`VMBUS_OPTIONS_INVALID netvsc.driver.${field}`)
  })

  test('of a host version that speaks nothing are refused', () => {
    expect(codeOf(() => make({ settings: { versions: [] } }))).toBe('VMBUS_OPTIONS_INVALID netvsc settings.versions')
  })

  test('what is asked of an adapter later is looked at, too', () => {
    const world = connected({ vps: 1 })
    for (const speed of [Number.NaN, 1e9 / 3, -1])
      expect(codeOf(() => world.nic.setSpeed(speed))).toBe('VMBUS_OPTIONS_INVALID netvsc.setSpeed')
    expect(codeOf(() => world.nic.associateVf(0))).toBe('VMBUS_OPTIONS_INVALID netvsc.associateVf')
    expect(codeOf(() => world.driver.setMtu(10))).toBe('VMBUS_OPTIONS_INVALID netvsc.mtu')
    expect(codeOf(() => world.driver.setFilter(-1))).toBe('VMBUS_OPTIONS_INVALID netvsc.setFilter')
    expect(codeOf(() => world.driver.switchDataPath('VF' as 'vf'))).toBe('VMBUS_OPTIONS_INVALID netvsc.switchDataPath')
    world.settle()
    expect([world.driver.phase, world.nic.up]).toEqual(['ready', true])
  })
})

describe('a restore', () => {
  const damaged = (change: (state: Record<string, unknown>) => void, end: 'nic' | 'driver'): string => {
    const world = connected({ vps: 1 })
    const state = structuredClone(world[end].save()) as Record<string, unknown>
    change(state)
    const before = world[end].save()
    const code = codeOf(() => world[end].restore(state, []))
    expect(world[end].save()).toEqual(before)
    world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
    world.settle()
    expect(world.seen).toHaveLength(1)
    return code
  }

  test.each([
    ['another kind', (state: Record<string, unknown>) => void (state['kind'] = 'storvsc'), 'netvsc.kind'],
    ['another version', (state: Record<string, unknown>) => void (state['v'] = 99), 'netvsc.v'],
    ['no connection', (state: Record<string, unknown>) => void delete state['connection'], 'netvsc.connection'],
    [
      'an NVSP version that the host does not speak',
      (state: Record<string, unknown>) => void ((state['connection'] as Record<string, unknown>)['version'] = 0x70000),
      'netvsc.connection.version',
    ],
    [
      'a speed that is no number',
      (state: Record<string, unknown>) => void (state['speed'] = Number.NaN),
      'netvsc.speed',
    ],
  ])('of a host of %s changes nothing', (_what, change, field) => {
    expect(damaged(change, 'nic')).toBe(`VMBUS_STATE_INVALID ${field}`)
  })

  test.each<readonly [string, (sections: SavedSections) => void, string]>([
    ['a section that is not there', (each) => void (each.free[0] = each.count), SECTIONS],
    ['a run that goes up', (each) => void (each.free = [3, 9]), SECTIONS],
    ['half a run', (each) => void each.free.pop(), SECTIONS],
    ['more free sections than there are', (each) => void each.free.push(...each.free), SECTIONS],
    [
      'a section in two packets',
      (each) =>
        void (each.packets = [
          [0, 5],
          [0, 5],
        ]),
      SECTIONS,
    ],
    ['a packet of no section', (each) => void (each.packets = [[0]]), `${SECTIONS}.packets[0]`],
  ])('of a host of %s changes nothing', (_what, change, field) => {
    expect(damaged((state) => change(sectionsOf(state)), 'nic')).toBe(`VMBUS_STATE_INVALID ${field}`)
  })

  test.each([
    ['another version', (state: Record<string, unknown>) => void (state['v'] = 1), 'netvsc-driver.v'],
    ['no sent packets', (state: Record<string, unknown>) => void (state['sent'] = null), 'netvsc-driver.sent'],
    [
      'an id that is free twice',
      (state: Record<string, unknown>) => void (state as { sent: { free: number[] } }).sent.free.fill(1),
      'netvsc-driver.sent',
    ],
    [
      'a phase of its own',
      (state: Record<string, unknown>) => void (state['phase'] = 'running'),
      'netvsc-driver.phase',
    ],
  ])('of a driver of %s changes nothing', (_what, change, field) => {
    expect(damaged(change, 'driver')).toBe(`VMBUS_STATE_INVALID ${field}`)
  })

  test('into a host of older versions is refused before anything is touched', () => {
    const newer = connected({ vps: 1, settings: { versions: [0x60001] } })
    const older = make({ vps: 1, settings: { versions: [0x50000] } })
    expect(codeOf(() => older.host.restore(newer.host.save()))).toBe('VMBUS_STATE_INVALID netvsc.connection.version')
    older.guest.start()
    older.settle()
    expect(older.driver.version).toBe(0x50000)
  })
})

describe('an address', () => {
  const second = (first: World, host: object): string => codeOf(() => make({ host: { switch: first.lan, ...host } }))

  test('belongs to one adapter of a switch at a time', () => {
    const first = connected({ vps: 1 })
    expect(second(first, {})).toBe('VMBUS_OPTIONS_INVALID netvsc.mac')
    expect(second(first, { name: 'nic-00:15:5d:00:00:01', mac: '00:15:5d:00:00:02' })).toBe(
      'VMBUS_OPTIONS_INVALID netvsc.name',
    )
    // The first one's frames are its own all the same.
    first.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
    first.settle()
    expect(first.seen).toHaveLength(1)
    expect(second(first, { mac: '00:15:5d:00:00:02' })).toBe('nothing')
  })

  test('is free again once its adapter was withdrawn', () => {
    const first = connected({ vps: 1 })
    first.handle.rescind()
    first.settle()
    expect(second(first, {})).toBe('nothing')
  })
})

test.each(['primary', 'subchannel'])(
  'a guest that broke its %s channel gets nothing over it, and the adapter says so',
  (which) => {
    const world = connected({ guest: { channels: 2 }, vps: 2 })
    const [primary] = [world.hostChannel(which === 'primary' ? 0 : 1)]
    const ring = world.guest.devices[0]?.channels[which === 'primary' ? 0 : 1]?.channel as Channel
    const message = new Uint8Array(40)
    message[0] = 110
    ring.sendInBand(message, 200, 0, true)
    world.settle()
    expect(primary?.isOpen).toBe(false)
    const before = world.nic.statistics().framesReceived
    for (let number = 0; number < 5; number++) world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60, number) })
    world.settle()
    const alive = which === 'subchannel'
    expect([world.nic.up, world.nic.queues, world.nic.statistics().framesReceived - before, world.seen.length]).toEqual(
      [alive, alive ? 1 : 1, alive ? 5 : 0, alive ? 5 : 0],
    )
    expect(world.nic.inspect()).toMatchObject({ filter: alive ? 13 : 0 })
  },
)
