import type { GuestDriverSpec } from '@vmbus/core'
import { guestWith } from './bench/guest.ts'
import { play, type Outcome, type ScenarioOptions, type Step } from './bench/scenario.ts'
import type { GuestOptions, GuestUnderTest, HostUnderTest } from './bench/types.ts'
import type { BusRuleId } from './rules/bus-state.ts'
import { reportOf, type Report, type Rule } from './rules/rule.ts'
import { GUEST_RULES, HOST_RULES } from './rules/tables.ts'

export interface ComplianceOptions extends Partial<ScenarioOptions>, GuestOptions {
  /** Seconds of virtual time for what takes time, default 20. */
  readonly seconds?: number
}

/** A whole life, lives that lose every device after so many events, and one that leaves in the middle of its start. */
function scenarios(seconds: number): readonly (readonly Step[])[] {
  const end: readonly Step[] = [{ do: 'run', seconds: 5 }, { do: 'stop' }, { do: 'run', seconds: 5 }]
  const moments = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
  return [
    [{ do: 'run', seconds }, ...end],
    [{ do: 'run', seconds }, { do: 'rescind' }, ...end],
    ...moments.map((count): readonly Step[] => [{ do: 'steps', count }, { do: 'rescind' }, ...end]),
    ...moments
      .slice(4)
      .map((count): readonly Step[] => [{ do: 'steps', count }, { do: 'stop' }, { do: 'run', seconds: 5 }]),
  ]
}

/** Leaves out every step without which the rule is still broken. */
function shrink(
  rule: BusRuleId,
  steps: readonly Step[],
  first: readonly string[],
  run: (steps: readonly Step[]) => Outcome,
): readonly string[] {
  let [shortest, transcript] = [steps, first]
  for (let at = steps.length - 1; at >= 0; at--) {
    const without = shortest.filter((_, index) => index !== at)
    const found = run(without).broken.get(rule)
    if (found !== undefined) [shortest, transcript] = [without, found]
  }
  return transcript
}

function suite(
  subject: string,
  rules: readonly Rule[],
  host: HostUnderTest,
  guest: GuestUnderTest,
  options: ComplianceOptions,
): Report {
  const exercised = new Set<string>()
  const broken = new Map<string, readonly string[]>()
  const ids = new Set(rules.map(({ id }) => id))
  const run = (steps: readonly Step[]): Outcome => play(host, guest, steps, { ...options, seed: options.seed ?? 1 })
  for (const steps of scenarios(options.seconds ?? 20)) {
    const outcome = run(steps)
    for (const rule of outcome.exercised) exercised.add(rule)
    for (const [rule, transcript] of outcome.broken)
      if (ids.has(rule) && !broken.has(rule)) broken.set(rule, shrink(rule, steps, transcript, run))
  }
  return reportOf(subject, rules, { exercised, broken })
}

export type Subject = GuestDriverSpec | readonly GuestDriverSpec[] | GuestUnderTest

const isGuest = (subject: Subject): subject is GuestUnderTest => 'boot' in subject
const guestOf = (subject: Subject, options: GuestOptions): GuestUnderTest =>
  isGuest(subject) ? subject : guestWith('create' in subject ? [subject] : subject, options)

/**
 * The rules for guests against this host: `run` takes a driver, drivers, or a whole guest with a bus driver of its own.
 * The promise is for callers that compare implementations which take time; nothing here waits.
 */
export function compliance(
  host: HostUnderTest,
  options: ComplianceOptions = {},
): { run(subject: Subject): Promise<Report> } {
  return {
    run: (subject) =>
      Promise.resolve().then(() => {
        const guest = guestOf(subject, options)
        return suite(`${guest.name} on ${host.name}`, GUEST_RULES.all, host, guest, options)
      }),
  }
}

/** The rules for hosts, against a correct guest that loads these drivers. */
export function hostCompliance(
  host: HostUnderTest,
  options: ComplianceOptions = {},
): { run(drivers?: readonly GuestDriverSpec[]): Promise<Report> } {
  return {
    run: (drivers = []) =>
      Promise.resolve().then(() => suite(host.name, HOST_RULES.all, host, guestWith(drivers, options), options)),
  }
}
