// 4-KiB reads through both ends, both buses and one partition, in one thread: `npm run bench -- storvsc`.
import { memoryDisk, queued } from '@vmbus/disk'
import { seeded } from '@vmbus/world'
import { world, type World } from '../test/world.ts'

const ROUNDS = 7
const READS = 6_000

function perSecond(w: World, depth: number): number {
  const buffers = Array.from({ length: depth }, () => w.allocate(4096))
  let done = 0
  const begun = performance.now()
  while (done < READS) {
    for (const [index, buffer] of buffers.entries()) w.driver.read({}, ((done + index) % 2048) * 8, buffer)
    w.settle()
    done += depth
    w.ends.length = 0
    w.trace.length = 0
    w.wrote.length = 0
  }
  const seconds = (performance.now() - begun) / 1000
  for (const buffer of buffers) w.free(buffer)
  return done / seconds
}

for (const [name, later] of [
  ['at once', false],
  ['queued', true],
] as const) {
  const disk = memoryDisk('8M')
  disk.write(0, [new Uint8Array(8 << 20).fill(0x5a)])
  const w = world({ host: { luns: [later ? queued(disk, { seed: seeded(1) }) : disk] }, quiet: true })
  for (const depth of [1, 32, 128]) {
    perSecond(w, depth)
    const rates = Array.from({ length: ROUNDS }, () => perSecond(w, depth)).toSorted((a, b) => a - b)
    const [lowest, median] = [rates[0] ?? 0, rates[Math.floor(ROUNDS / 2)] ?? 0]
    console.log(
      `${name.padEnd(8)} depth ${String(depth).padStart(3)}: ${Math.round(median).toLocaleString('en')} reads/s (lowest of ${ROUNDS}: ${Math.round(lowest).toLocaleString('en')})`,
    )
  }
}
