import { createPartition, guestMemory } from '@vmbus/hypervisor'
import { timerQueue, virtualClock } from '@vmbus/world'
import { expect, test } from 'vitest'
import { machineCompliance, type MachineUnderTest } from '../../src/index.ts'

interface Fault {
  readonly interrupt?: (vp: number, vector: number) => readonly (readonly [number, number])[]
  readonly words?: (words: Int32Array) => Int32Array
  readonly wrote?: false
  readonly noise?: () => number
  readonly forgets?: true
}

function machine({
  interrupt = (vp, vector) => [[vp, vector]],
  words = (each) => each,
  wrote: tells,
  noise,
  forgets,
}: Fault = {}): MachineUnderTest {
  return {
    name: 'plain machine',
    create() {
      const plain = guestMemory(1 << 20)
      const wrote: (readonly [number, number])[] = []
      const interrupts: (readonly [number, number])[] = []
      const memory = {
        size: plain.size,
        bytes: plain.bytes,
        view: plain.view,
        words: words(plain.words),
        wrote(gpa: number, length: number) {
          if (tells !== false) wrote.push([gpa, length])
        },
      }
      if (noise !== undefined) plain.view.setUint32(0x9000, noise(), true)
      const partition = createPartition({
        memory,
        clock: virtualClock(),
        timers: timerQueue(() => {}),
        vps: 1,
        interrupt: (vp, vector) => void interrupts.push(...interrupt(vp, vector)),
      })
      return {
        partition,
        memory,
        interrupts,
        wrote,
        save: () => ({ memory: plain.bytes.slice(), partition: partition.save() }),
        restore(state) {
          const saved = state as { memory: Uint8Array; partition: unknown }
          plain.bytes.set(saved.memory)
          if (forgets !== true) partition.restore(saved.partition)
        },
      }
    },
  }
}

let count = 0
const broken: Readonly<Record<string, Fault>> = {
  'machine-interrupt': { interrupt: () => [] },
  'machine-wrote': { wrote: false },
  'machine-views': { words: (each) => each.subarray(0, each.length - 1024) },
  'machine-restore': { forgets: true },
}

test('a plain machine keeps every rule', async () => {
  const report = await machineCompliance(machine()).run()
  expect(report.rules.map(({ outcome }) => outcome)).toEqual(['works', 'works', 'works', 'works', 'works'])
})

test.each(Object.entries(broken))('a machine that breaks %s', async (id, fault) => {
  const report = await machineCompliance(machine(fault)).run()
  expect(report.failures.map((rule) => rule.id)).toEqual([id])
})

test('a machine whose memory begins with noise is not deterministic', async () => {
  const report = await machineCompliance(machine({ noise: () => (count += 1) })).run()
  // Restoring copies the noise along.
  expect(report.failures.map((rule) => rule.id)).toEqual(['machine-deterministic'])
})
