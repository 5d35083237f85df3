import type { GuestDriverSpec } from '@vmbus/core'
import { INTERRUPT_MODES } from '@vmbus/testbench'
import { guestWith } from './bench/guest.ts'
import { play, type Outcome, type ScenarioOptions, type Step } from './bench/scenario.ts'
import type { GuestOptions, GuestUnderTest, HostUnderTest } from './bench/types.ts'
import { PROTOCOLS } from './protocols/all.ts'
import { reportOf, type Report } from './rules/rule.ts'
import { GUEST_RULES, HOST_RULES } from './rules/tables.ts'

export interface ComplianceOptions extends Partial<ScenarioOptions>, GuestOptions {
  /**
   * Seconds of virtual time of an undisturbed life, default 120: a host waits 50 s before it asks a guest for memory, and
   * Linux 45 s before it tells of its own.
   */
  readonly seconds?: number
  /** Events after which further lives lose their devices, or leave. Default eleven moments from 0 to 89; with none there is one life. */
  readonly moments?: readonly number[]
}

const DEFAULT_SECONDS = 120
const DEFAULT_MOMENTS = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89]
/** Moments before this one lie before the first contact: leaving there tests nothing. */
const FIRST_LEAVING = 5

/** Whole lives, lives that lose every device after so many events, and some that leave in the middle of their start. */
function scenarios({
  seconds = DEFAULT_SECONDS,
  moments = DEFAULT_MOMENTS,
}: ComplianceOptions): readonly (readonly Step[])[] {
  const end: readonly Step[] = [{ do: 'run', seconds: 5 }, { do: 'stop' }, { do: 'run', seconds: 5 }]
  return [
    [{ do: 'live', seconds }, ...end],
    ...(moments.length === 0 ? [] : [[{ do: 'live', seconds } as const, { do: 'rescind' } as const, ...end]]),
    ...moments.map((count): readonly Step[] => [{ do: 'steps', count }, { do: 'rescind' }, ...end]),
    ...moments
      .filter((count) => count >= FIRST_LEAVING)
      .map((count): readonly Step[] => [{ do: 'steps', count }, { do: 'stop' }, { do: 'run', seconds: 5 }]),
  ]
}

/** Leaves out every step without which the rule is still broken: what comes after it broke first, then one by one. */
function shrink(
  rule: string,
  steps: readonly Step[],
  first: { readonly transcript: readonly string[]; readonly steps: number },
  run: (steps: readonly Step[]) => Outcome,
): readonly string[] {
  let [shortest, transcript] = [steps.slice(0, first.steps), first.transcript]
  // The last one is the one in which it broke.
  for (let at = shortest.length - 2; at >= 0; at--) {
    const without = shortest.filter((_, index) => index !== at)
    const found = run(without).broken.get(rule)
    if (found !== undefined) [shortest, transcript] = [without, found.transcript]
  }
  return transcript
}

function suite(
  subject: string,
  end: 'guest' | 'host',
  host: HostUnderTest,
  guest: GuestUnderTest,
  options: ComplianceOptions,
): Report {
  const exercised = new Set<string>()
  const broken = new Map<string, readonly string[]>()
  const kinds = new Set<string>()
  for (const [index, steps] of scenarios(options).entries()) {
    // What holds in one mode alone is a race: every other life has the other mode.
    const interrupts = options.interrupts ?? INTERRUPT_MODES[index % 2] ?? 'deferred'
    const run = (each: readonly Step[]): Outcome =>
      play(host, guest, each, { ...options, interrupts, seed: options.seed ?? 1 })
    const outcome = run(steps)
    for (const kind of outcome.kinds) kinds.add(kind)
    for (const rule of outcome.exercised) exercised.add(rule)
    for (const [rule, found] of outcome.broken)
      if (rule.startsWith(`${end}-`) && !broken.has(rule)) broken.set(rule, shrink(rule, steps, found, run))
  }
  // The rules of a device that was not offered say nothing.
  const rules = [
    ...(end === 'guest' ? GUEST_RULES : HOST_RULES).all,
    ...PROTOCOLS.filter(({ kind }) => kinds.has(kind)).flatMap((each) => each[end]),
  ]
  return reportOf(subject, [...new Set(rules)], { exercised, broken })
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
        return suite(`${guest.name} on ${host.name}`, 'guest', host, guest, options)
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
      Promise.resolve().then(() => suite(host.name, 'host', host, guestWith(drivers, options), options)),
  }
}
