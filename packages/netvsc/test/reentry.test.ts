import { createGuestBus, createHostBus, pageAllocator, Version } from '@vmbus/core'
import { createPartition, guestMemory } from '@vmbus/hypervisor'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { describe, expect, test } from 'vitest'
import { netvsc, type NetvscGuest } from '../src/index.ts'
import { tcpFrame } from './ip.ts'
import { GUEST_MAC, PEER_MAC, connected, frameTo, type World } from './world.ts'

// The other end may run, answer and cause more before a call returns: nothing may be noted late, or be shared.

const immediate = { interrupts: 'immediate' } as const

describe('one adapter', () => {
  test('what is sent from within a frame, over several channels, arrives once and in order', () => {
    const made: World = connected({
      ...immediate,
      guest: {
        channels: 4,
        onFrame({ bytes }) {
          // Two answers to each frame, of which the first waits for the second.
          const answer = bytes.slice()
          answer.set(bytes.subarray(6, 12), 0)
          answer.set(bytes.subarray(0, 6), 6)
          made.driver.send({ bytes: answer }, { more: true })
          made.driver.send({ bytes: answer })
        },
      },
    })
    const ports = Array.from({ length: 40 }, (_, index) => 6000 + index)
    for (const sourcePort of ports) made.peer.send({ bytes: tcpFrame(10, { sourcePort }) })
    made.settle()
    expect(made.seen).toHaveLength(40)
    expect(new Set(made.seen.map(({ queue }) => queue))).toEqual(new Set([0, 1, 2, 3]))
    // Source ports of the frames, twice each (offset 34 of an Ethernet frame with a 20 byte IPv4 header).
    expect(made.out.map(({ bytes }) => ((bytes[34] ?? 0) << 8) | (bytes[35] ?? 0))).toEqual(
      ports.flatMap((port) => [port, port]),
    )
    expect(made.diagnostics).toEqual([])
    expect(made.driver.inspect()).toMatchObject({ underWay: 0 })
  })

  test('an owner that sends from `onWritable` keeps its order and every section', () => {
    // Two sections; the host runs only when it is resumed.
    let next = 0
    const sent: number[] = []
    const send = (): boolean => {
      if (next >= 60) return false
      if (
        world.driver.send({ bytes: frameTo(PEER_MAC, GUEST_MAC, 100 + next, next) }, { more: next % 4 !== 3 }) !== true
      )
        return false
      sent.push(100 + next++)
      return true
    }
    const world: World = connected({
      ...immediate,
      guest: { sendBufferBytes: 2 * 6144, sendPages: 2, ringPages: 2, onWritable: () => void (send() && send()) },
    })
    world.host.pause()
    while (send());
    const refusedAt = next
    world.host.resume()
    world.settle()
    while (send()) world.settle()
    world.driver.flush()
    world.settle()
    expect(refusedAt).toBeLessThan(60)
    expect(world.out.map(({ bytes }) => bytes.length)).toEqual(sent)
    expect(next).toBe(60)
    expect((world.driver.save() as { sections: unknown[]; pages: unknown[] }).sections).toHaveLength(2)
  })

  test('an owner whose request is answered before it returns waits for nothing afterwards', () => {
    const world = connected(immediate)
    world.driver.setFilter(1)
    world.nic.associateVf(3)
    world.driver.switchDataPath('vf')
    expect(world.nic.dataPath).toBe('vf')
    expect((world.driver.save() as { answerAt: number }).answerAt).toBe(Infinity)
    world.driver.stop()
    world.driver.start()
    world.settle()
    expect(world.driver.phase).toBe('ready')
    expect((world.driver.save() as { answerAt: number }).answerAt).toBe(Infinity)
  })
})

test.each(['deferred', 'immediate'] as const)('guests that answer each other share nothing (%s)', (interrupts) => {
  const common = { clock: virtualClock(), timers: timerQueue(() => undefined), seed: seeded(1) }
  const lan = createSwitch(common)
  const queue: (() => void)[] = []
  const settle = (): void => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next()
  }
  const heard: Record<string, string[]> = { A: [], B: [], C: [] }
  const note = (at: string, bytes: Uint8Array): void => void heard[at]?.push(`${bytes[14]} of ${bytes.length}`)
  const machine = (
    name: string,
    mac: string,
    answer: (driver: NetvscGuest, bytes: Uint8Array) => void,
  ): NetvscGuest => {
    const memory = guestMemory(8 << 20)
    const interrupt = (vp: number, vector: number): void => {
      if (interrupts === 'immediate') guest.interrupt(vp, vector)
      else queue.push(() => guest.interrupt(vp, vector))
    }
    const partition = createPartition({ ...common, memory, vps: 1, interrupt })
    const bus = { ...common, partition, versions: [Version.v5_3] }
    const spec = netvsc.driver({
      channels: 1,
      receiveBufferBytes: 1 << 20,
      onFrame({ bytes }) {
        note(name, bytes)
        answer(driver(), bytes)
      },
    })
    createHostBus(bus).offer(netvsc({ switch: lan, mac }))
    const guest = createGuestBus({ ...bus, drivers: [spec], pages: pageAllocator(memory, 1, 2048) })
    const driver = (): NetvscGuest => guest.devices[0]?.driver as NetvscGuest
    guest.start()
    settle()
    return driver()
  }
  const [a, b] = ['00:15:5d:00:00:0a', '00:15:5d:00:00:0b']
  const frame = (to: string, from: string, mark: number, length: number): Uint8Array =>
    frameTo(to, from, length).fill(mark, 14)
  machine('B', b, (driver, bytes) => void driver.send({ bytes: frame(a, b, (bytes[14] ?? 0) + 10, 300) }))
  const first = machine('A', a, () => undefined)
  lan.connect({ name: 'C', mac: '02:00:00:00:00:03', receive: ({ bytes }) => note('C', bytes) })
  for (let mark = 1; mark <= 4; mark++)
    first.send({ bytes: frame('ff:ff:ff:ff:ff:ff', a, mark, 100) }, { more: mark < 4 })
  settle()
  expect(heard).toEqual({
    A: ['11 of 300', '12 of 300', '13 of 300', '14 of 300'],
    B: ['1 of 100', '2 of 100', '3 of 100', '4 of 100'],
    C: ['1 of 100', '2 of 100', '3 of 100', '4 of 100'],
  })
})
