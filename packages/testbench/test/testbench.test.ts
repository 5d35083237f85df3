import { defineDevice, type Channel } from '@vmbus/core'
import { bench, deviceWorld, rawDevice, rawDriver, type DeviceWorldOptions } from '@vmbus/testbench'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { describe, expect, test } from 'vitest'

const INTERFACE = '0badc0de-0000-0000-0000-000000000003'
const OFFER = { interfaceId: INTERFACE, instanceId: '0badc0de-0000-0000-0000-000000000004' }
const idle = { close() {}, rescinded() {}, save: () => null, restore() {}, inspect: () => ({}) }

/** Sends a packet when told to, and writes down when its answer came: before `send` returned or after. */
function probe(order: string[]) {
  return defineDevice({
    kind: 'probe',
    interfaceIds: [INTERFACE],
    offer: () => OFFER,
    host: () => {
      let open: Channel | undefined
      return {
        ...idle,
        open(channel: Channel) {
          open = channel
          return 0
        },
        readable(channel: Channel) {
          while (channel.receive() !== undefined) order.push('answer')
        },
        restore(_: unknown, [channel]: readonly Channel[]) {
          open = channel
        },
        ask() {
          open?.sendInBand(new Uint8Array(8), 1, 0, false)
          order.push('sent')
        },
      }
    },
    guest: () => ({ ...idle, offered() {}, opened() {}, readable() {} }),
  })
}

const echo = rawDriver(INTERFACE, (message) => [message])

function orderOf(options: DeviceWorldOptions): string[] {
  const order: string[] = []
  const world = deviceWorld(probe(order)({}), echo, { memoryMB: 0.25, ...options })
  world.run(1)
  world.handle.device.ask()
  world.run(1)
  return order
}

test('a deferred interrupt comes after the call that raised it, an immediate one within', () => {
  expect(orderOf({ interrupts: 'deferred' })).toEqual(['sent', 'answer'])
  expect(orderOf({ interrupts: 'immediate' })).toEqual(['answer', 'sent'])
})

test.each(['deferred', 'immediate'] as const)('saving at each step changes nothing: %s', (interrupts) => {
  const runs = (['never', 'each step'] as const).map((save) => {
    const world = deviceWorld(
      rawDevice({ offer: OFFER, messages: [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)] }),
      echo,
      { memoryMB: 0.25, interrupts, save },
    )
    world.run(1)
    return {
      bytes: Buffer.from(world.memory.bytes).toString('base64'),
      said: world.messages.length,
      pages: world.pages,
    }
  })
  expect(runs[0]?.said).toBe(6)
  expect(runs[1]).toEqual(runs[0])
})

describe('a bench alone', () => {
  test('timers come back to their owner at their time', () => {
    const fired: string[] = []
    const made = bench({ pages: 4 })
    made.add('a', { timer: (name) => fired.push(`a ${name} ${made.clock.now()}`) })
    made.add('b', { timer: (name) => fired.push(`b ${name} ${made.clock.now()}`) })
    made.scope('a').set('x/y', 2 * TICKS_PER_SECOND)
    made.scope('b').set('x', TICKS_PER_SECOND)
    expect(made.timers).toEqual(['a/x/y', 'b/x'])
    made.run(1.5)
    expect(fired).toEqual(['b x 10000000'])
    made.run(1)
    expect(fired).toEqual(['b x 10000000', 'a x/y 20000000'])
    expect([made.timers, made.clock.now()]).toEqual([[], 25_000_000])
  })

  test('what never comes to rest is an error', () => {
    const made = bench({ pages: 4 })
    const timers = made.scope('a')
    const again = (): void => timers.set('again', made.clock.now() + 1)
    made.add('a', { timer: again })
    again()
    expect(() => made.run(1, 1000)).toThrow('more than 1000 events')
  })
})
