import { INTERRUPT_MODES } from '@vmbus/testbench'
import { type Channel } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { tcpFrame } from './ip.ts'
import {
  GUEST_MAC,
  PEER_MAC,
  connected as connect,
  frameTo,
  world as make,
  type World,
  type WorldOptions,
} from './world.ts'

describe.each(INTERRUPT_MODES)('with interrupts %s', (interrupts) => {
  const connected = (options: WorldOptions = {}): World => connect({ interrupts, ...options })

  // What real drivers and hosts got wrong once, as far as the models do not meet it by themselves.

  const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)

  /** Sends a control message from a page of its own; the host's answer, from the first word of its body on. */
  function ask(world: World, message: Uint8Array): Uint8Array {
    const page = world.memory.size / 4096 - 1
    world.memory.bytes.set(message, page * 4096)
    const ring = world.guest.devices[0]?.channels[0]?.channel as Channel
    ring.sendGpaDirect(
      [{ byteOffset: 0, byteCount: message.length, pfns: [page] }],
      words(107, 1, 0xffff_ffff, 0, 0, 0, 0, 0, 0, 0),
      400,
      0,
    )
    const start = find(world, words(((message[0] ?? 0) | 0x8000_0000) >>> 0).subarray(0, 4), 0x7777)
    const answer = world.memory.bytes.slice(start + 8, start + 32)
    world.settle()
    return answer
  }

  /** The last place of a message that begins with `type` and whose request id is `id`. */
  function find({ memory }: World, type: Uint8Array, id: number): number {
    const bytes = Buffer.from(memory.bytes.buffer, memory.bytes.byteOffset, memory.bytes.length)
    for (let at = bytes.lastIndexOf(type); at >= 0; at = bytes.lastIndexOf(type, at - 1))
      if (at % 8 === 0 && bytes.readUInt32LE(at + 8) === id) return at
    throw new Error('no such message')
  }

  function spread(world: World): (number | undefined)[] {
    world.seen.length = 0
    for (let sourcePort = 7000; sourcePort < 7024; sourcePort++) {
      world.peer.send({ bytes: tcpFrame(10, { sourcePort }) })
      world.settle()
    }
    return world.seen.map(({ queue }) => queue)
  }

  test('setting what RSS hashes leaves the table and the key, and a restore leaves all of it', () => {
    const world = connected({ guest: { channels: 4 } })
    const before = spread(world)
    expect(new Set(before).size).toBe(4)
    // Header 0x89 rev 2 of 40 bytes; flags: table and key unchanged.
    const parameters = Uint8Array.of(0x89, 2, 40, 0, 4 | 8, 0, 0, 0, 1, 0x17, 0, 0, ...new Uint8Array(28))
    const set = new Uint8Array([...words(5, 68, 0x7777, 0x0001_0204, 40, 20, 0), ...parameters])
    expect([...ask(world, set).subarray(0, 8)]).toEqual([...words(0x7777, 0)])
    expect(spread(world)).toEqual(before)
    world.restore(structuredClone(world.save()))
    expect(spread(world)).toEqual(before)
  })

  test.each([
    ['an information buffer that begins after the message', 28, 0],
    ['one that ends after it', 20, 16],
    ['one whose end is beyond 2^32', 20, 0xffff_ffff],
  ])('a query with %s is refused', (_what, offset, length) => {
    const world = connected({ vps: 1 })
    expect([...ask(world, words(4, 28, 0x7777, 0x0001_0106, length, offset, 0)).subarray(0, 8)]).toEqual([
      ...words(0x7777, 0xc001_0015),
    ])
  })

  test('a host that promises more subchannels than were asked for is not believed', () => {
    const world = make({ guest: { channels: 4 } })
    world.guest.start()
    const pattern = words(133, 1, 3)
    const bytes = Buffer.from(world.memory.bytes.buffer, world.memory.bytes.byteOffset, world.memory.bytes.length)
    for (let steps = 0; steps < 10_000 && bytes.indexOf(pattern) < 0; steps++) world.step()
    for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at)) bytes[at + 8] = 60
    world.settle()
    expect(world.driver.phase).toBe('ready')
  })

  test('a status whose buffer is not within its message is not read', () => {
    const world = connect({ vps: 1 })
    world.nic.setSpeed(40_000_000_000)
    const bytes = Buffer.from(world.memory.bytes.buffer, world.memory.bytes.byteOffset, world.memory.bytes.length)
    const at = bytes.lastIndexOf(words(7, 24, 0x4001_0013, 4, 12))
    expect(at).toBeGreaterThan(0)
    bytes.writeUInt32LE(0x7fff_fff0, at + 16)
    world.settle()
    expect(world.diagnostics.map(({ code }) => code)).toEqual(['VMBUS_NETVSC_CONTROL'])
    expect(world.events).not.toContain('guest speed')
  })

  test('a host that falls silent during setup is given up', () => {
    const world = make({ vps: 1 })
    world.guest.start()
    while (world.guest.devices[0]?.driver === undefined || world.driver.phase !== 'setup') world.step()
    world.host.pause()
    for (let count = 0; count < 1000 && world.step(); count++);
    expect(world.events).toContain('guest failed')
    world.host.resume()
    world.settle()
    expect(world.driver.phase).toBe('failed')
    world.driver.start()
    world.settle()
    expect(world.driver.up).toBe(true)
  })

  test('completions that found the ring full survive a restore', () => {
    const world = connected({ vps: 1, pages: 1024, guest: { ringPages: 2, sendBufferBytes: 256 * 4096 } })
    let sent = 0
    while (sent < 1000 && world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 64, sent) })) sent++
    world.restore(structuredClone(world.save()))
    world.settle()
    expect(world.driver.inspect()['underWay']).toBe(0)
    expect(world.out).toHaveLength(sent)
  })

  test('rings that are full both ways come free: what is received is read on while its completions wait', () => {
    const world = connect({ vps: 1, pages: 1024, guest: { ringPages: 2, sendBufferBytes: 256 * 4096 } })
    // The guest looks at nothing yet: the host's ring fills up, then its completions wait, then the guest's ring is full.
    for (let number = 0; number < 200; number++) world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60, number) })
    let sent = 0
    while (sent < 1000 && world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 64, sent) })) sent++
    const { noBuffer } = world.nic.statistics()
    world.settle()
    expect(world.driver.inspect()['underWay']).toBe(0)
    expect([world.out.length, world.seen.length + noBuffer]).toEqual([sent, 200])
  })

  test('frames whose message found the ring full go when there is room, also if nothing more is sent', () => {
    const world = connected({ vps: 1, pages: 1024, guest: { ringPages: 2, sendBufferBytes: 256 * 4096 } })
    let sent = 0
    for (let underWay = -1; underWay !== world.driver.inspect()['underWay'];) {
      underWay = Number(world.driver.inspect()['underWay'])
      if (!world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 64, sent) }))
        throw new Error('refused before a message waited')
      sent++
    }
    world.settle()
    expect(world.out).toHaveLength(sent)
  })
})
