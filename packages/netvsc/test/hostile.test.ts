import { INTERRUPT_MODES } from '@vmbus/testbench'
import fc from 'fast-check'
import { PacketType, type Channel, type GuestChannel, type PageRange } from '@vmbus/core'
import { describe, expect, test } from 'vitest'
import { NvspType, RndisType } from '../src/protocol/index.ts'
import { GUEST_MAC, PEER_MAC, SMALL, connected as connect, frameTo, type World, type WorldOptions } from './world.ts'

describe.each(INTERRUPT_MODES)('with interrupts %s', (interrupts) => {
  const connected = (options: WorldOptions = {}): World => connect({ interrupts, ...options })

  const hex = (text: string): Uint8Array =>
    Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))

  /** The guest's end of the primary channel, for packets that no driver would send. */
  function guestRing(world: World): Channel {
    const [channel] = world.guest.devices[0]?.channels ?? []
    const ring = (channel as GuestChannel).channel
    if (ring === undefined) throw new Error('not open')
    return ring
  }

  const le = (value: number): string => {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    return Buffer.from(bytes).toString('hex')
  }
  const rndisPacket = (type: number, index: number, size: number): Uint8Array =>
    hex(`${le(NvspType.sendRndisPacket)}${le(type)}${le(index)}${le(size)}${'00'.repeat(24)}`)

  /** Statuses of the completions that the host gave to ids of ours. */
  const statuses = (world: World, id: number): number[] =>
    world.trace.flatMap((event) =>
      event.kind === 'packet' &&
      event.to === 'guest' &&
      event.bytes[0] === PacketType.completion &&
      event.bytes[8] === id
        ? [event.bytes[20] ?? -1]
        : [],
    )

  describe('a hostile guest', () => {
    /** A page outside of what the driver uses, filled with a pattern that must not change. */
    const attack = (message: Uint8Array, ranges?: readonly PageRange[]): World => {
      const world = connected({ vps: 1 })
      if (ranges === undefined) guestRing(world).sendInBand(message, 200, 0, true)
      else guestRing(world).sendGpaDirect(ranges, message, 200, 0)
      world.settle()
      return world
    }

    test.each([
      ['a section that there is not', rndisPacket(0, 10_000, 100)],
      ['more than a section holds', rndisPacket(0, 0, 60_000)],
      ['nothing at all', rndisPacket(0, 0xffff_ffff, 0)],
      ['a section without a message', rndisPacket(0, 0, 100)],
      ['a channel type that nobody has', rndisPacket(7, 0, 100)],
    ])('is answered once with a failure for %s', (_what, message) => {
      const world = attack(message)
      expect(statuses(world, 200)).toHaveLength(1)
      expect(statuses(world, 200)[0]).not.toBe(1)
      expect(world.out).toEqual([])
    })

    test('pages outside of memory are a failure, not a crash', () => {
      const world = attack(rndisPacket(0, 0xffff_ffff, 0), [{ byteOffset: 0, byteCount: 100, pfns: [0xff_ffff] }])
      expect(statuses(world, 200)).toEqual([5])
    })

    test.each([
      ['a type that nobody has', hex(`${le(99)}${'00'.repeat(36)}`)],
      ['a message without a type', hex('0000')],
      ['a second configuration', hex(`${le(125)}${le(1514)}${'00'.repeat(32)}`)],
      ['a second receive buffer', hex(`${le(101)}${le(1)}${'feca0000'}${'00'.repeat(28)}`)],
      ['INIT once more', hex(`${le(1)}${le(0x60001)}${le(0x60001)}${'00'.repeat(28)}`)],
      ['a completion of nothing', undefined],
    ])('that sends %s loses the channel, and the reason is told', (_what, message) => {
      const world = connected({ vps: 1 })
      if (message === undefined) guestRing(world).sendCompletion(hex(`${le(108)}${le(1)}`), 3, 0)
      else guestRing(world).sendInBand(message, 200, 0, true)
      world.settle()
      expect(
        world.diagnostics.some(({ code, source }) => code === 'VMBUS_NETVSC_PROTOCOL' && source === 'channel/host'),
      ).toBe(true)
      // The adapter can be removed and added all the same.
      world.handle.rescind()
      world.settle()
      world.offer()
      world.settle()
      expect(world.driver.up).toBe(true)
    })

    test('that lost the channel, is stopped and suspended meanwhile comes back with all of its pages', () => {
      const left = (meanwhile: (world: World) => void): number => {
        const world = connected({ vps: 1 })
        meanwhile(world)
        world.handle.rescind()
        world.settle()
        return world.available
      }
      const again = left((world) => {
        guestRing(world).sendInBand(hex(`${le(1)}${le(0x60001)}${le(0x60001)}${'00'.repeat(28)}`), 200, 0, true)
        // Nobody completes it: the teardown waits.
        world.driver.send({ bytes: new Uint8Array(100) })
        world.driver.stop()
        world.guest.suspend()
        world.settle()
        world.guest.resume()
        world.settle()
        expect(world.driver.up).toBe(true)
      })
      expect(again).toBe(left(() => {}))
    })

    test('control messages of any bytes neither hang nor crash nor reach beyond the adapter’s pages', () => {
      fc.assert(
        fc.property(
          fc.array(
            fc.record({
              type: fc.constantFrom(...Object.values(RndisType), 99),
              body: fc.uint8Array({ maxLength: 120 }),
              length: fc.option(fc.nat(200)),
              oid: fc.option(
                fc.constantFrom(0xfc01_020c, 0x0001_0204, 0x0001_021b, 0xfc01_020d, 0x0101_0103, 0x0001_010e),
              ),
            }),
            { maxLength: 12 },
          ),
          (messages) => {
            const world = connected({ vps: 1 })
            const guard = world.memory.size - 4096
            const page = world.memory.size / 4096 - 2
            world.memory.bytes.fill(0xa5, guard)
            for (const { type, body, length, oid } of messages) {
              const bytes = new Uint8Array(8 + body.length)
              const view = new DataView(bytes.buffer)
              view.setUint32(0, type, true)
              view.setUint32(4, length ?? bytes.length, true)
              bytes.set(body, 8)
              if (oid !== null && bytes.length >= 28) {
                view.setUint32(12, oid, true)
                view.setUint32(16, bytes.length - 28, true)
                view.setUint32(20, 20, true)
              }
              world.memory.bytes.set(bytes, page * 4096)
              guestRing(world).sendGpaDirect(
                [{ byteOffset: 0, byteCount: bytes.length, pfns: [page] }],
                rndisPacket(1, 0xffff_ffff, 0),
                300,
                0,
              )
              world.settle()
            }
            expect(world.memory.bytes.subarray(guard).every((byte) => byte === 0xa5)).toBe(true)
          },
        ),
        { seed: 5, numRuns: 25 },
      )
    })

    test('valid exchanges with bytes changed on their way never complete twice, and never stop the host', () => {
      fc.assert(
        fc.property(
          fc.array(
            fc.record({
              at: fc.nat(39),
              value: fc.integer({ min: 0, max: 255 }),
              length: fc.constantFrom(4, 8, 16, 28, 40),
            }),
            { minLength: 1, maxLength: 8 },
          ),
          (changes) => {
            const world = connected({ vps: 1 })
            const message = rndisPacket(0, 0, 100)
            for (const { at, value, length } of changes) {
              message[at] = value
              guestRing(world).sendInBand(message.subarray(0, length), 250, 0, true)
              world.settle()
            }
            expect(statuses(world, 250).length).toBeLessThanOrEqual(changes.length)
            world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 60) })
            world.settle()
          },
        ),
        { seed: 8, numRuns: 25 },
      )
    })
  })

  describe('a hostile host', () => {
    /** Rewrites a sub-allocation that the host has filled, before the guest looks. */
    test('messages with bytes changed in the receive buffer neither crash nor hang the driver, and each is completed once', () => {
      fc.assert(
        fc.property(
          fc.array(fc.record({ at: fc.nat(99), value: fc.integer({ min: 0, max: 255 }) }), {
            minLength: 1,
            maxLength: 10,
          }),
          (changes) => {
            const world = connected({ vps: 1 })
            const before = world.nic.inspect()['freeSections']
            world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 200) })
            // The receive buffer begins where its first page is: the frame's source address leads there.
            const start = indexOf(world.memory.bytes, frameTo(GUEST_MAC, PEER_MAC, 200).subarray(0, 14)) - 256
            expect(start).toBeGreaterThan(0)
            for (const { at, value } of changes) world.memory.bytes[start + at] = value
            world.settle()
            expect(world.nic.inspect()['freeSections']).toBe(before)
            world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 300) })
            world.settle()
            expect(world.seen.at(-1)?.bytes).toEqual(frameTo(GUEST_MAC, PEER_MAC, 300))
          },
        ),
        { seed: 9, numRuns: 25 },
      )
    })

    test('an element of size zero, on which old kernels loop for ever, is refused', () => {
      const world = connect({ vps: 1 })
      world.peer.send({ bytes: frameTo(GUEST_MAC, PEER_MAC, 200) })
      const start = indexOf(world.memory.bytes, frameTo(GUEST_MAC, PEER_MAC, 200).subarray(0, 14)) - 256
      world.memory.view.setUint32(start + 44, 0, true)
      world.settle()
      expect(world.seen).toEqual([])
      expect(world.driver.statistics().receiveErrors).toBe(1)
    })

    test('a host that stops answering is given up, and everything comes back', () => {
      const world = connected({ vps: 1, guest: SMALL })
      const before = world.available
      world.driver.stop()
      world.settle()
      world.host.pause()
      world.driver.start()
      for (let count = 0; count < 1000 && world.step(); count++);
      world.host.resume()
      world.settle()
      if (world.driver.phase === 'failed' || world.driver.phase === 'stopped') world.driver.start()
      world.settle()
      expect(world.driver.up).toBe(true)
      expect(world.available).toBe(before)
    })
  })

  function indexOf(bytes: Uint8Array, pattern: Uint8Array): number {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(pattern)
  }
})
