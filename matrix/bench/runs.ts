import { ws2022 } from '@vmbus/host'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import type { MatrixGuest } from '../src/guests/types.ts'
import { PROBES } from '../src/probes/index.ts'
import { DEFAULT_RUNS, type Probe } from '../src/probes/probe.ts'
import { execute } from '../src/run/execute.ts'
import { createMemories } from '../src/worlds/memories.ts'

// Twice the values that each property draws are to cost at most twice the processor time: nothing that a guest or its transcript
// keeps may make what comes later dearer. In one thread, each probe on a guest that has all, in turn with as many and twice as many.

const found = guestOf('debian 12')
if (!isGuest(found)) throw new Error(found.reason)
const guest: MatrixGuest = found
const memories = createMemories()

async function milliseconds(probe: Probe, runs: number): Promise<number> {
  const before = process.cpuUsage()
  await execute({ id: probe.id, probe, guest, profile: ws2022, seed: 1, runs, memories })
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

const ROUNDS = 5
const least = (times: readonly number[]): number => Math.min(...times)

let [once, twice] = [0, 0]
for (const probe of PROBES) {
  const times = { once: [] as number[], twice: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    times.once.push(await milliseconds(probe, DEFAULT_RUNS))
    times.twice.push(await milliseconds(probe, 2 * DEFAULT_RUNS))
  }
  const [one, two] = [least(times.once), least(times.twice)]
  once += one
  twice += two
  console.log(`${probe.id}: ${one.toFixed(1)} ms, twice as many ${two.toFixed(1)} ms, ${(two / one).toFixed(2)}`)
}
console.log(`all: ${(twice / once).toFixed(2)}`)
if (twice > 2 * once) {
  console.error('twice the runs cost more than twice the time')
  process.exitCode = 1
}
