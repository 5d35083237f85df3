import { createSwitch } from '@vmbus/switch'
import { bareWorld } from '@vmbus/testbench'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { bytesPerCall } from '@vmbus/world/testing'
import { expect, test } from 'vitest'
import { netvsc, type NetvscGuest } from '../src/index.ts'

const heapUsed = (): number => process.memoryUsage().heapUsed
const BURST = 8
const CALLS = 25

function world() {
  const clock = virtualClock()
  const count = { arrived: 0, received: 0 }
  const lan = createSwitch({ clock, timers: timerQueue(() => lan.timer('deliver')), seed: seeded(1) })
  const peer = lan.connect({ name: 'peer', mac: '02:00:00:00:00:01', receive: () => void count.arrived++ })
  const { driver, pass } = bareWorld(
    netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }),
    netvsc.driver({ channels: 1, onFrame: () => void count.received++ }),
    { clock },
  )
  return { guest: driver as NetvscGuest, peer, pass, count }
}

const frame = (bytes: number, to: number[], from: number[]): Uint8Array => {
  const made = new Uint8Array(bytes)
  made.set([...to, ...from, 0x88, 0xb5])
  return made
}
const GUEST = [0, 0x15, 0x5d, 0, 0, 1]
const PEER = [2, 0, 0, 0, 0, 1]

// A view for its owner is what a frame may cost, and numbers of 48 bits in the switch; into the guest a second view, of the page.
// The lists that each packet fills anew, a view for each message and ranges made for each frame were three quarters of the bytes.
// A frame takes 334 to 430 bytes on Node 20 and 365 to 536 from 22 on, where a busy machine keeps a fifth more on the heap (storvsc);
// into the guest with scratch 990 to 1110.
const MOST = process.versions.node.startsWith('20.') ? 600 : 700
test.each([60, 1514])('a frame of %i bytes from the guest allocates at most the limit of its engine', (size) => {
  const { guest, pass, count } = world()
  const bytes = frame(size, PEER, GUEST)
  let sent = 0
  const each = bytesPerCall(
    heapUsed,
    () => {
      for (let index = 0; index < BURST; index++) guest.send({ bytes }, { more: index < BURST - 1 })
      sent += BURST
      pass()
    },
    { calls: CALLS, enough: MOST * BURST },
  )
  expect(count.arrived).toBe(sent)
  expect(each / BURST).toBeLessThan(MOST)
})

test.each([60, 1514])('a frame of %i bytes into the guest allocates at most the limit of its engine', (size) => {
  const { peer, pass, count } = world()
  const bytes = frame(size, GUEST, PEER)
  let sent = 0
  const each = bytesPerCall(
    heapUsed,
    () => {
      for (let index = 0; index < BURST; index++) peer.send({ bytes })
      sent += BURST
      pass()
    },
    { calls: CALLS, enough: MOST * BURST },
  )
  expect(count.received).toBe(sent)
  expect(each / BURST).toBeLessThan(MOST)
})
