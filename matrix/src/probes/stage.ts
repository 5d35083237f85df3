import type { Outcome } from '../results/vocabulary.ts'

/**
 * Where a probe is played: a simulated guest or a real kernel on a host, through one interface. Nothing but stages knows
 * families of guests.
 */
export interface Stage {
  readonly family: 'linux' | 'freebsd' | 'windows'
  readonly kind: 'simulated' | 'real'
  /** Values of the guest and the host by field; a field that the probe did not declare throws. */
  readonly guest: Readonly<Record<string, unknown>>
  readonly host: Readonly<Record<string, unknown>>
  /** Comes up to a connected bus; else how it ended. */
  connect(): Promise<Outcome | 'connected'>
}
