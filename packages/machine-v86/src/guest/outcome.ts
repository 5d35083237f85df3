/** How a guest's run ended, or that it has not. */
export type GuestEnd =
  /** ACPI S5, by the guest's own poweroff or the shutdown component. */
  | 'poweroff'
  | 'reboot'
  | 'panic'
  | 'oops'
  | 'triple-fault'
  /** Halted with interrupts off: only a reset could wake it. */
  | 'dead'
  /** Busy for a long time without a sign of progress. */
  | 'hung'

/** The project's vocabulary (one word for matrix cells), as far as a machine alone can tell. */
export type Outcome = 'works' | 'guest-hung' | 'guest-corrupt'

export function outcomeOf(end: GuestEnd | undefined): Outcome {
  switch (end) {
    case undefined:
    case 'poweroff':
    case 'reboot':
      return 'works'
    case 'hung':
    case 'dead':
      return 'guest-hung'
    case 'panic':
    case 'oops':
    case 'triple-fault':
      return 'guest-corrupt'
  }
}

/** What Linux writes when it gives up or was hurt (kernel/panic.c, arch/x86/kernel/dumpstack.c, lib/bug.c, kernel/watchdog.c). */
const SIGNS: readonly (readonly [GuestEnd, RegExp])[] = [
  ['panic', /Kernel panic - not syncing/],
  ['oops', /(?:Oops: |BUG: |general protection fault|divide error: |invalid opcode: )/],
  [
    'hung',
    /(?:rcu: INFO: rcu_\w+ (?:self-)?detected stalls?|watchdog: BUG: soft lockup|INFO: task .* blocked for more than)/,
  ],
]

/** The sign in a line of console text, if there is one. Lockups are tested first: they contain "BUG:" too. */
export function signIn(line: string): GuestEnd | undefined {
  const hung = SIGNS[2]
  if (hung?.[1].test(line) === true) return 'hung'
  return SIGNS.find(([, pattern]) => pattern.test(line))?.[0]
}

/** Steps of a boot that callers wait for, by the kernel's own words or the agent's. */
export const MILESTONES: readonly (readonly [Milestone, RegExp])[] = [
  ['kernel', /Linux version \d/],
  ['hypervisor', /Hypervisor detected: Microsoft Hyper-V/],
  ['userspace', /Run \/init as init process/],
  ['vmbus', /Vmbus version:\s*\d/],
]
export type Milestone = 'kernel' | 'hypervisor' | 'userspace' | 'agent' | 'vmbus'
