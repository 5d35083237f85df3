// 4-KiB reads through both ends, both buses and one partition, in one thread: `npm run bench -- storvsc`. How much of a disk is read
// decides how much of it stays in the caches.
import { memoryDisk, queued } from '@vmbus/disk'
import { bareWorld } from '@vmbus/testbench'
import { seeded } from '@vmbus/world'
import { storvsc, type StorvscGuest } from '../src/index.ts'

const ROUNDS = 7
const READS = 6_000
const SECOND = 10_000_000
const DISK = 8 << 20

function reader(later: boolean) {
  const disk = memoryDisk(DISK)
  disk.write(0, [new Uint8Array(DISK).fill(0x5a)])
  const backend = later ? queued(disk, { seed: seeded(1) }) : disk
  let ended = 0
  const onComplete = (): void => void ended++
  const w = bareWorld(storvsc({ luns: [backend] }), storvsc.driver({ onComplete }), { setUp: SECOND })
  const guest = w.driver as StorvscGuest

  return function perSecond(depth: number, bytes: number): number {
    const buffers = Array.from({ length: depth }, () => ({
      byteOffset: 0,
      byteCount: 4096,
      pfns: w.allocator.allocate(1),
    }))
    let asked = 0
    ended = 0
    const begun = performance.now()
    while (asked < READS) {
      for (const buffer of buffers) guest.read({}, (asked++ % (bytes / 4096)) * 8, buffer)
      w.pass()
    }
    const seconds = (performance.now() - begun) / 1000
    if (ended !== asked) throw new Error(`${asked} reads, ${ended} ends`)
    for (const { pfns } of buffers) {
      if (w.memory.view.getUint32((pfns[0] ?? 0) * 4096 + 4092) !== 0x5a5a_5a5a) throw new Error('a page was not read')
      w.allocator.free(pfns)
    }
    return asked / seconds
  }
}

for (const [name, later] of [
  ['at once', false],
  ['queued', true],
] as const) {
  const perSecond = reader(later)
  for (const bytes of [DISK, 64 << 10]) {
    for (const depth of [1, 8, 32, 128]) {
      perSecond(depth, bytes)
      const rates = Array.from({ length: ROUNDS }, () => perSecond(depth, bytes)).toSorted((a, b) => a - b)
      const [lowest, median] = [rates[0] ?? 0, rates[Math.floor(ROUNDS / 2)] ?? 0]
      console.log(
        `${name.padEnd(8)} ${String(bytes >> 10).padStart(5)} KiB, depth ${String(depth).padStart(3)}: ${Math.round(median).toLocaleString('en')} reads/s (lowest of ${ROUNDS}: ${Math.round(lowest).toLocaleString('en')})`,
      )
    }
  }
}
