import { random } from '../random.ts'
import { modeOf, reportOf, tally, violate, type AttackOptions, type AttackReport } from '../report.ts'
import { playSession } from './attack-session.ts'
import { packetCorpus } from './packet-corpus.ts'
import type { DeviceTarget } from './target.ts'

/** Inputs after which both ends are made anew. */
const SESSION = 250

/**
 * A hostile peer against one end of a device: both ends live over real buses, what the peer sends is mutated before the
 * end reads it, and copies of what was sent arrive again, mutated, at any time; the device is used, withdrawn, offered
 * again, suspended and restored in between. Nothing may throw or hang, no packet is completed twice, no page changes that
 * nobody granted, and after the device is gone nothing is left of it.
 */
export function attackDevice(target: DeviceTarget, end: 'host' | 'guest', options: AttackOptions): AttackReport {
  const into = tally()
  const heard = packetCorpus()
  for (let session = 0; into.inputs < options.inputs; session++) {
    const seed = options.seed + session
    const before = into.inputs
    try {
      playSession({
        into,
        target,
        end,
        heard,
        choose: random(Math.imul(seed, 0x9e37_79b1)),
        inputs: Math.min(SESSION, options.inputs - before),
        seed,
        interrupts: modeOf(options, session),
      })
    } catch (error) {
      violate(into, `session ${seed}: threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    if (into.inputs === before) into.inputs++
  }
  return reportOf(into)
}
