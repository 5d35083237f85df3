import { createSwitch, type Frame } from '@vmbus/switch'
import { bareWorld } from '@vmbus/testbench'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { netvsc, type NetvscGuest } from '../src/index.ts'

// Both ends in one thread: frames of the guest to a port of the switch and back, every byte through both rings.

const clock = virtualClock()
const lan = createSwitch({ clock, timers: timerQueue(() => lan.timer('deliver')), seed: seeded(1) })
let received = 0
let arrived = 0
/** The last byte of each frame; the same as in the frame before, it would be of no use. */
let last = 0
const checked = ({ bytes }: Frame): number => {
  if (bytes.at(-1) !== last) throw new Error(`a frame of ${bytes.length} bytes ends with ${bytes.at(-1)}, not ${last}`)
  return 1
}
const peer = lan.connect({
  name: 'peer',
  mac: '02:00:00:00:00:01',
  receive: (frame) => void (arrived += checked(frame)),
})
const world = bareWorld(
  netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }),
  netvsc.driver({ channels: 1, onFrame: (frame) => void (received += checked(frame)) }),
  { clock },
)
const driver = world.driver as NetvscGuest
if (!driver.up) throw new Error(`the adapter is ${driver.phase}: ${driver.failure}`)

const BATCH = 32
const SECONDS = 2
function measure(name: string, size: number, batch: () => number): void {
  for (let warm = 0; warm < 200; warm++) batch()
  const start = performance.now()
  let frames = 0
  while (performance.now() - start < SECONDS * 1000) frames += batch()
  const seconds = (performance.now() - start) / 1000
  console.log(
    `${name} ${size} bytes: ${Math.round(frames / seconds).toLocaleString('en')} frames/s, ${((frames * size * 8) / seconds / 1e9).toFixed(2)} Gbit/s`,
  )
}

for (const size of [60, 1514]) {
  const out = new Uint8Array(size)
  out.set([2, 0, 0, 0, 0, 1, 0, 0x15, 0x5d, 0, 0, 1, 0x88, 0xb5])
  const back = new Uint8Array(size)
  back.set([0, 0x15, 0x5d, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x88, 0xb5])
  measure('guest → switch', size, () => {
    const before = arrived
    out[size - 1] = last = (last + 1) & 0xff
    for (let i = 0; i < BATCH; i++) driver.send({ bytes: out }, { more: i < BATCH - 1 })
    world.pass()
    return arrived - before
  })
  measure('switch → guest', size, () => {
    const before = received
    back[size - 1] = last = (last + 1) & 0xff
    for (let i = 0; i < BATCH; i++) peer.send({ bytes: back })
    world.pass()
    return received - before
  })
  measure('switch → guest, in bursts,', size, () => {
    const before = received
    back[size - 1] = last = (last + 1) & 0xff
    peer.burst(() => {
      for (let i = 0; i < BATCH; i++) peer.send({ bytes: back })
    })
    world.pass()
    return received - before
  })
}
