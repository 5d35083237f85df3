import { INTERRUPT_MODES, type InterruptMode } from '@vmbus/testbench'
import { random, type Random } from './random.ts'
import { reportOf, tally, violate, type AttackOptions, type AttackReport, type Tally } from './report.ts'

/** A session of an attack: what is attacked is made anew for it. */
export interface AttackSession {
  readonly into: Tally
  readonly seed: number
  readonly choose: Random
  /** Both modes are attacked in turn, with as many inputs in all as one would be. */
  readonly interrupts: InterruptMode
  /** How many inputs it is to have. */
  readonly inputs: number
  bad(text: string): void
}

/** Sessions of at most `length` inputs, until there were as many as asked for; what one throws is a violation. */
export function attackSessions(
  { seed: first, inputs, interrupts }: AttackOptions,
  length: number,
  play: (session: AttackSession) => void,
): AttackReport {
  const into = tally()
  for (let index = 0; into.inputs < inputs; index++) {
    const seed = first + index
    const before = into.inputs
    try {
      play({
        into,
        seed,
        choose: random(Math.imul(seed, 0x9e37_79b1)),
        interrupts: interrupts ?? INTERRUPT_MODES[index % 2] ?? 'deferred',
        inputs: Math.min(length, inputs - before),
        bad: (text) => violate(into, `session ${seed}, input ${into.inputs}: ${text}`),
      })
    } catch (error) {
      violate(into, `session ${seed}: threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    }
    if (into.inputs === before) into.inputs++
  }
  return reportOf(into)
}
