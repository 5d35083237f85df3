import type { InterruptMode } from '@vmbus/testbench'

/** What an attack did, and what it found. Counts show that a branch was reached; `violations` must be empty. */
export interface AttackReport {
  readonly inputs: number
  /** Inputs that were changed, lost, doubled or forged; the others lead into the states in which those arrive. */
  readonly mutated: number
  /** Inputs that were not refused for their length or type: the share that tests anything. */
  readonly pastLengthCheck: number
  /** Times that each branch refused something. */
  readonly rejects: Readonly<Record<string, number>>
  /** Inputs in each state of the protocol. */
  readonly states: Readonly<Record<string, number>>
  /** Broken invariants, at most a hundred, with the seed of the session. */
  readonly violations: readonly string[]
}

export interface AttackOptions {
  readonly seed: number
  readonly inputs: number
  /** When the guest takes an interrupt; default: in every other session before the call that raised it returns. */
  readonly interrupts?: InterruptMode
}

export interface Tally {
  inputs: number
  mutated: number
  short: number
  readonly rejects: Record<string, number>
  readonly states: Record<string, number>
  readonly violations: string[]
}

export const tally = (): Tally => ({ inputs: 0, mutated: 0, short: 0, rejects: {}, states: {}, violations: [] })

const SHORT: ReadonlySet<string> = new Set(['message-short', 'message-type'])

/** `short`: the branches that are a first check of length or type. */
export function countReject(into: Tally, branch: string, short: ReadonlySet<string> = SHORT): void {
  into.rejects[branch] = (into.rejects[branch] ?? 0) + 1
  if (short.has(branch)) into.short++
}

export function countInput(into: Tally, state: string, isMutated: boolean): void {
  into.inputs++
  if (isMutated) into.mutated++
  into.states[state] = (into.states[state] ?? 0) + 1
}

export function violate(into: Tally, text: string): void {
  if (into.violations.length < 100) into.violations.push(text)
}

export function reportOf({ inputs, mutated, short, rejects, states, violations }: Tally): AttackReport {
  return { inputs, mutated, pastLengthCheck: inputs - short, rejects, states, violations }
}
