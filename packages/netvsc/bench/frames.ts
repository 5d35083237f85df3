import { createGuestBus, createHostBus, pageAllocator, Version } from '@vmbus/core'
import { createPartition, guestMemory } from '@vmbus/hypervisor'
import { createSwitch } from '@vmbus/switch'
import { seeded, timerQueue, virtualClock } from '@vmbus/world'
import { netvsc, type NetvscGuest } from '../src/index.ts'

// Both ends in one thread: frames of the guest to a port of the switch and back, every byte through both rings.

const clock = virtualClock()
const timers = timerQueue(() => undefined)
const memory = guestMemory(64 << 20)
const interrupts: (readonly [number, number])[] = []
const partition = createPartition({
  memory,
  clock,
  timers,
  vps: 1,
  interrupt: (vp, vector) => void interrupts.push([vp, vector]),
})
const versions = Object.values(Version)
const seed = seeded(1)
const host = createHostBus({ partition, clock, timers, seed, versions })
let received = 0
const driverSpec = netvsc.driver({ channels: 1, onFrame: () => void received++ })
const guest = createGuestBus({
  partition,
  clock,
  timers,
  seed,
  versions: versions.toReversed(),
  drivers: [driverSpec],
  pages: pageAllocator(memory, 1, memory.size / 4096),
})
const lan = createSwitch({ clock, timers: timerQueue(() => lan.timer('deliver')), seed })
let arrived = 0
const peer = lan.connect({ name: 'peer', mac: '02:00:00:00:00:01', receive: () => void arrived++ })
host.offer(netvsc({ switch: lan, mac: '00:15:5d:00:00:01' }))
// A switch passes a bounded number of frames at one instant.
const settle = (): void => {
  clock.advanceTo(clock.now() + 1)
  for (let next = interrupts.shift(); next !== undefined; next = interrupts.shift()) guest.interrupt(...next)
}
guest.start()
settle()
const driver = guest.devices[0]?.driver as NetvscGuest
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
    for (let i = 0; i < BATCH; i++) driver.send({ bytes: out }, { more: i < BATCH - 1 })
    settle()
    return arrived - before
  })
  measure('switch → guest', size, () => {
    const before = received
    for (let i = 0; i < BATCH; i++) peer.send({ bytes: back })
    settle()
    return received - before
  })
}
