import { TimesyncFlags } from '@vmbus/timesync/protocol'
import { TICKS_PER_MS, TICKS_PER_SECOND } from '@vmbus/world'
import type { Capabilities } from '../capabilities.ts'

/** The tunables of hw.hvtimesync. */
export interface ClockTunables {
  /** Whole ms that a sample must be off by more than; a negative number turns samples off, 0 takes every one that is 1 ms off. */
  readonly sampleThreshold: number
  /** SYNC means nothing; the message is looked at as a sample when it is one, too. */
  readonly ignoreSync: boolean
}

/** sys/dev/hyperv/utilities/vmbus_timesync.c. */
export const CLOCK_TUNABLES: ClockTunables = { sampleThreshold: 100, ignoreSync: false }

const distance = (ahead: bigint): bigint => (ahead < 0n ? -ahead : ahead)
const FIVE = 5n

/** Whether a message steps the clock. */
export function clockRule(
  { clockRule: rule }: Capabilities,
  { sampleThreshold, ignoreSync }: ClockTunables,
): (flags: number, ahead: bigint) => boolean {
  if (rule === 'five-seconds')
    return (flags, ahead) =>
      (flags & (TimesyncFlags.sync | TimesyncFlags.sample)) !== 0 && distance(ahead) / BigInt(TICKS_PER_SECOND) > FIVE
  return (flags, ahead) => {
    if ((flags & TimesyncFlags.sync) !== 0 && !ignoreSync) return true
    if ((flags & TimesyncFlags.sample) === 0 || sampleThreshold < 0) return false
    return distance(ahead) / BigInt(TICKS_PER_MS) > BigInt(sampleThreshold)
  }
}
