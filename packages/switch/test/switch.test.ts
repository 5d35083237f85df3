import { describe, expect, test } from 'vitest'
import {
  createSwitch,
  parseMac,
  formatMac,
  type CapturedFrame,
  type Frame,
  type PortOptions,
  type Switch,
  type SwitchOptions,
} from '@vmbus/switch'
import { hex, testWorld, type TestWorld } from './world.ts'

const A = '020000000001'
const B = '020000000002'
const ALL = 'ffffffffffff'
const frame = (to: string, from: string, rest = '0800 00'): Frame => ({ bytes: hex(to + from + rest) })

interface Heard {
  readonly port: string
  readonly bytes: Uint8Array
  readonly vlan?: Frame['vlan']
}

function lan(world: TestWorld, options: Partial<SwitchOptions> = {}) {
  const heard: Heard[] = []
  const one: Switch = createSwitch({ ...world.deps, ...options })
  world.owners.set('switch', (name) => one.timer(name))
  const plug = (name: string, more: Partial<PortOptions> = {}) =>
    one.connect({
      name,
      receive: ({ bytes, vlan }) => heard.push({ port: name, bytes: bytes.slice(), ...(vlan && { vlan }) }),
      ...more,
    })
  return { one, plug, heard, ports: () => heard.splice(0).map(({ port }) => port) }
}

describe('forwarding', () => {
  test('floods, learns, forwards, ages', () => {
    const world = testWorld()
    const { plug, ports } = lan(world)
    const [a, b] = [plug('a'), plug('b'), plug('c')]
    a.send(frame(B, A))
    expect(ports()).toEqual(['b', 'c'])
    b.send(frame(A, B))
    expect(ports()).toEqual(['a'])
    a.send(frame(B, A))
    expect(ports()).toEqual(['b'])
    world.clock.advanceTo(300 * 10_000_000 + 1)
    a.send(frame(B, A))
    expect(ports()).toEqual(['b', 'c'])
  })

  test('a port’s own address is known before it speaks, and cannot be taken', () => {
    const { plug, ports, one } = lan(testWorld())
    const a = plug('a')
    plug('b', { mac: formatMac(0x020000000002) })
    const c = plug('c')
    c.send(frame(ALL, B))
    expect(ports()).toEqual(['a', 'b'])
    a.send(frame(B, A))
    expect(ports()).toEqual(['b'])
    expect(one.inspect().addresses).toEqual([{ vlan: 0, mac: 0x020000000001, port: 0, at: 0 }])
  })

  test('what a switch drops, it counts', () => {
    const { plug, ports } = lan(testWorld())
    const a = plug('a', { mac: '02-00-00-00-00-01', spoofing: false, mtu: 100 })
    plug('b')
    expect(a.send({ bytes: new Uint8Array(13) })).toBe(false)
    expect(a.send({ bytes: hex(`${B}${A}0800${'00'.repeat(101)}`) })).toBe(false)
    expect(a.send(frame(ALL, '030000000001'))).toBe(false)
    expect(a.send(frame(ALL, B))).toBe(false)
    expect(a.send(frame('0180c2000003', A))).toBe(false)
    expect(a.send(frame(ALL, A, '8100 0005 0800'))).toBe(false)
    expect(a.send({ ...frame(ALL, A), offload: { transportChecksum: true } })).toBe(true)
    a.setLink(false)
    expect(a.send(frame(ALL, A))).toBe(false)
    expect(ports()).toEqual([])
    expect(a.statistics().dropped).toEqual({
      runt: 1,
      oversize: 1,
      vlan: 1,
      source: 1,
      spoofed: 1,
      reserved: 1,
      offload: 0,
      down: 1,
      lost: 0,
      queue: 0,
    })
  })

  test('a full table floods, and one port cannot fill it for all', () => {
    const { plug, ports, one } = lan(testWorld(), { addresses: { total: 8, perPort: 4 } })
    const [a, b] = [plug('a'), plug('b'), plug('c')]
    for (let i = 1; i < 100; i++) a.send({ bytes: hex(`${ALL}0200000001${i.toString(16).padStart(2, '0')}0800`) })
    expect(one.inspect().addresses).toHaveLength(4)
    b.send(frame(ALL, B))
    ports()
    a.send(frame(B, A))
    expect(ports()).toEqual(['b'])
  })

  test('mirrors see each frame of their sources once', () => {
    const { plug, ports } = lan(testWorld())
    const a = plug('a', { mirror: 'source' })
    const b = plug('b', { mirror: 'source' })
    plug('c', { mirror: 'destination' })
    a.send(frame(ALL, A))
    expect(ports()).toEqual(['b', 'c'])
    b.send(frame(A, B))
    expect(ports()).toEqual(['a', 'c'])
  })

  test('owners who answer at once are served in order, and cannot hold the switch', () => {
    const world = testWorld()
    const one = createSwitch(world.deps)
    let bounced = 0
    const a = one.connect({ name: 'a', receive: () => (bounced++, a.send(frame(B, A))) })
    const b = one.connect({ name: 'b', receive: () => (bounced++, b.send(frame(A, B))) })
    a.send(frame(B, A))
    expect(bounced).toBe(4096)
    expect(world.timers.next()).toBe(10_000) // 1 ms: nothing more at this time, whoever sends
    a.send(frame(B, A))
    one.timer('deliver')
    expect(bounced).toBe(4096)
    world.clock.advanceTo(10_000)
    one.timer('deliver')
    expect(bounced).toBe(8192)
  })

  test('connect, link, disconnect', () => {
    const { plug, ports, one } = lan(testWorld())
    const links: boolean[] = []
    const a = plug('a')
    const b = plug('b', { linkChanged: (up) => links.push(up) })
    expect(() => plug('b')).toThrow(expect.objectContaining({ code: 'VMBUS_SWITCH_OPTION', field: 'name' }))
    expect(() => parseMac('02:00:00:00:00')).toThrow(expect.objectContaining({ field: 'mac' }))
    b.setLink(false)
    b.setLink(false)
    a.send(frame(ALL, A))
    b.setLink(true)
    a.send(frame(ALL, A))
    expect(links).toEqual([false, true])
    expect(ports()).toEqual(['b'])
    b.disconnect()
    expect(b.send(frame(ALL, B))).toBe(false)
    a.send(frame(ALL, A))
    expect(ports()).toEqual([])
    plug('b')
    expect(one.inspect().ports.map(({ name, index }) => [name, index])).toEqual([
      ['a', 0],
      ['b', 1],
    ])
  })
})

describe('VLANs', () => {
  test('access, trunk and native: isolation and tags, typed by hand', () => {
    const { plug, heard } = lan(testWorld())
    const a = plug('a', { vlan: { access: 10 } })
    plug('b', { vlan: { access: 20 } })
    const trunk = plug('trunk', { vlan: { trunk: [10, [30, 40]], native: 20 } })
    plug('beside', { vlan: { trunk: [10] }, accepts: { vlan: true } })
    a.send(frame(ALL, A))
    expect(heard.splice(0)).toEqual([
      { port: 'trunk', bytes: hex(`${ALL}${A} 8100 000a 0800 00`) },
      { port: 'beside', bytes: hex(`${ALL}${A} 0800 00`), vlan: { id: 10, priority: 0, dei: false } },
    ])
    // Priority 5 and DEI in VLAN 10, in the bytes: gone for access, kept beside.
    trunk.send(frame(ALL, B, '8100 b00a 0800 00'))
    expect(heard.splice(0)).toEqual([
      { port: 'a', bytes: hex(`${ALL}${B} 0800 00`) },
      { port: 'beside', bytes: hex(`${ALL}${B} 0800 00`), vlan: { id: 10, priority: 5, dei: true } },
    ])
    trunk.send(frame(ALL, B))
    expect(heard.splice(0)).toEqual([{ port: 'b', bytes: hex(`${ALL}${B} 0800 00`) }])
    expect(trunk.send(frame(ALL, B, '8100 0014 0800 00'))).toBe(false) // the native VLAN is not also tagged
    expect(trunk.send({ ...frame(ALL, B), vlan: { id: 41, priority: 0, dei: false } })).toBe(false)
  })

  const BESIDE = (id: number) => ({ id, priority: 0, dei: false })
  test('a priority tag in front of another tag does not enter a port that classifies by its untagged VLAN', () => {
    const { plug, heard } = lan(testWorld())
    const a = plug('a', { vlan: { access: 10 } })
    const native = plug('native', { vlan: { trunk: [20], native: 10 } })
    plug('b', { vlan: { access: 10 } })
    for (const port of [a, native])
      for (const inner of ['8100 0014', '88a8 0014']) {
        expect(port.send(frame(ALL, A, `8100 e000 ${inner} 0800`))).toBe(false)
        expect(port.send({ ...frame(ALL, A, `${inner} 0800`), vlan: BESIDE(0) })).toBe(false)
      }
    expect([heard, a.statistics().dropped.vlan, native.statistics().dropped.vlan]).toEqual([[], 4, 4])
    // A priority tag alone is taken off.
    a.send(frame(ALL, A, '8100 e000 88b5'))
    expect(heard).toEqual([
      { port: 'native', bytes: hex(`${ALL}${A} 88b5`) },
      { port: 'b', bytes: hex(`${ALL}${A} 88b5`) },
    ])
  })

  test('what leaves untagged does not begin with a tag of its own', () => {
    const { plug, heard } = lan(testWorld())
    const trunk = plug('trunk', { vlan: { trunk: [10] } })
    const access = plug('access', { vlan: { access: 10 } })
    const native = plug('native', { vlan: { trunk: [20], native: 10 }, accepts: { vlan: true } })
    plug('tagged', { vlan: { trunk: [10] } })
    // VLAN 10 in the bytes or beside them, VLAN 20 behind it: only those who get VLAN 10 with its tag.
    trunk.send(frame(ALL, A, '8100 000a 8100 0014 0800'))
    trunk.send({ ...frame(ALL, A, '8100 0014 0800'), vlan: BESIDE(10) })
    const both = { port: 'tagged', bytes: hex(`${ALL}${A} 8100 000a 8100 0014 0800`) }
    expect(heard.splice(0)).toEqual([both, both])
    expect([access.statistics().dropped.vlan, native.statistics().dropped.vlan]).toEqual([2, 2])
    // A service tag is a payload like others to an access port, and VLAN 20 of the next switch behind a trunk.
    trunk.send(frame(ALL, A, '8100 000a 88a8 0014 0800'))
    expect(heard.splice(0)).toEqual([
      { port: 'access', bytes: hex(`${ALL}${A} 88a8 0014 0800`) },
      { port: 'tagged', bytes: hex(`${ALL}${A} 8100 000a 88a8 0014 0800`) },
    ])
    access.send(frame(ALL, A, '88a8 0014 0800'))
    expect(heard.map(({ port }) => port)).toEqual(['trunk', 'tagged'])
    expect(native.statistics().dropped.vlan).toBe(4)
  })

  test('a jumbo frame reaches only those who take it, the tag not counted', () => {
    const { plug, heard } = lan(testWorld())
    const a = plug('a', { mtu: 9000, vlan: { access: 5 } })
    plug('small', { vlan: { access: 5 } })
    plug('big', { mtu: 9000, vlan: { trunk: [5] } })
    a.send({ bytes: hex(`${ALL}${A}0800${'55'.repeat(9000)}`) })
    expect(heard.map(({ port, bytes }) => [port, bytes.length])).toEqual([['big', 9018]])
  })
})

describe('links', () => {
  test('delay and bandwidth: 1250 bytes at 10 Mbit/s take 1 ms, both ways in order', () => {
    const world = testWorld()
    const times: number[] = []
    const one = createSwitch(world.deps)
    world.owners.set('switch', (name) => one.timer(name))
    const a = one.connect({ name: 'a', receive: () => undefined, link: { bandwidth: 10_000_000, delay: 50 } })
    one.connect({ name: 'b', receive: () => times.push(world.clock.now()) })
    for (let i = 0; i < 3; i++) a.send({ bytes: hex(`${B}${A}0800${'00'.repeat(1236)}`) })
    world.runTo(1_000_000)
    expect(times).toEqual([10_050, 20_050, 30_050])
  })

  // 64 bytes are 512 bits: 51.2 ns, 5.12 ns, and 0.512 and 0.0512 units of 100 ns.
  test.each([
    [10e9, [1, 2, 2, 3, 3, 4], 10_240],
    [100e9, [1, 1, 1, 1, 1, 1], 1_024],
    [40e9, [1, 1, 1, 1, 1, 1], 2_560],
    [3, [1_706_666_667, 3_413_333_334, 5_120_000_000], Infinity],
  ])('64-byte frames at %d bit/s arrive exactly then, and twenty thousand without drift', (bandwidth, first, last) => {
    const world = testWorld()
    const times: number[] = []
    const build = () => {
      const one = createSwitch(world.deps)
      world.owners.set('switch', (name) => one.timer(name))
      const port = one.connect({ name: 'a', receive: () => undefined, link: { bandwidth } })
      one.connect({ name: 'b', receive: () => times.push(world.clock.now()) })
      return { one, port }
    }
    let { one, port } = build()
    const bytes = hex(`${B}${A}88b5${'00'.repeat(50)}`)
    for (const _ of first) port.send({ bytes })
    world.runTo(first.at(-1) ?? 0)
    expect(times).toEqual(first)
    if (last === Infinity) return
    times.length = 0
    const start = 1_000_000
    world.clock.advanceTo(start)
    for (let i = 0; i < 20_000; i++) {
      if (i % 1000 === 0) world.runTo(Math.max(world.clock.now(), start + Math.floor((i * last) / 20_000) - 100))
      if (i === 6667) {
        const saved = structuredClone(one.save())
        ;({ one, port } = build())
        one.restore(saved)
      }
      port.send({ bytes })
    }
    world.runTo(start + 2 * last)
    expect([times.length, times.at(-1)]).toEqual([20_000, start + last])
  })

  test('another bandwidth begins where the frame under way ends', () => {
    const world = testWorld()
    const times: number[] = []
    const one = createSwitch(world.deps)
    world.owners.set('switch', (name) => one.timer(name))
    const port = one.connect({ name: 'a', receive: () => undefined, link: { bandwidth: 10e9 } })
    one.connect({ name: 'b', receive: () => times.push(world.clock.now()) })
    const bytes = hex(`${B}${A}88b5${'00'.repeat(50)}`)
    port.send({ bytes })
    port.configure({ link: { bandwidth: 512e4 } }) // a frame takes 1000 units of 100 ns
    port.send({ bytes })
    world.runTo(10_000)
    expect(times).toEqual([1, 1001])
  })

  test('loss and duplication come from the seed', () => {
    const count = (seed: number, link: PortOptions['link']): number => {
      const world = testWorld(seed)
      const { plug, ports } = lan(world)
      const a = plug('a', { link })
      plug('b')
      for (let i = 0; i < 1000; i++) a.send(frame(B, A))
      world.runTo(1)
      return ports().length
    }
    expect(count(1, { loss: 0.25 })).toBeGreaterThan(680)
    expect(count(1, { loss: 0.25 })).toBeLessThan(820)
    expect(count(1, { loss: 0.25 })).toBe(count(1, { loss: 0.25 }))
    expect(count(1, { loss: 1 })).toBe(0)
    expect(count(1, { duplicate: 1 })).toBe(2000)
    expect(count(1, { bandwidth: 1, queue: 30 })).toBe(0) // nothing arrives in 100 ns at 1 bit/s
  })

  test('what waits is bounded', () => {
    const { plug, one } = lan(testWorld(), { transitLimit: 100 })
    const a = plug('a', { link: { delay: 1000 } })
    for (let i = 0; i < 20; i++) a.send(frame(B, A))
    expect(one.inspect().bytesUnderWay).toBe(90) // six frames of 15 bytes
    expect(a.statistics().dropped.queue).toBe(14)
  })
})

test('captures show both sides of the switch as on a wire', () => {
  const { plug, one } = lan(testWorld())
  const seen: CapturedFrame[] = []
  const stop = one.capture((captured) => seen.push({ ...captured, bytes: captured.bytes.slice() }))
  const a = plug('a', { vlan: { trunk: [7] }, accepts: { vlan: true } })
  plug('b', { vlan: { access: 7 } })
  a.send({ ...frame(B, A), vlan: { id: 7, priority: 1, dei: false } })
  stop()
  a.send({ ...frame(B, A), vlan: { id: 7, priority: 1, dei: false } })
  expect(seen).toEqual([
    { port: 'a', direction: 'inbound', time: 0, bytes: hex(`${B}${A} 8100 2007 0800 00`) },
    { port: 'b', direction: 'outbound', time: 0, bytes: hex(`${B}${A} 0800 00`) },
  ])
})

test('large segments are cut for those who cannot take them, once per need', () => {
  const { plug, heard } = lan(testWorld())
  const a = plug('a')
  plug('b')
  plug('c', { accepts: { segment: true, checksum: true } })
  const bytes = hex(`${ALL}${A}0800 45 00 00 00 00 01 40 00 40 06 00 00 0a 00 00 01 0a 00 00 02
    00 01 00 02 00 00 00 00 00 00 00 05 50 10 10 00 00 00 00 00 ${'61'.repeat(3000)}`)
  a.send({ bytes, offload: { segment: 1460 } })
  expect(heard.map(({ port, bytes: { length } }) => [port, length])).toEqual([
    ['b', 1514],
    ['b', 1514],
    ['b', 134],
    ['c', 3054],
  ])
})
