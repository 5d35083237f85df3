import { fileTimeOf, type Clock } from '@vmbus/world'
import { ProbeError } from '../../probes/errors.ts'
import type { RealHost } from './host.ts'
import { quoted, type Shell } from './shell.ts'

/**
 * Reads the wall clock eight times. clock_gettime is system call 265 of i386, CLOCK_REALTIME is 0. Meanwhile Linux takes the time
 * from the reference time of the hypervisor, in place of the TSC: each reading is an exit, and the host knows its moment.
 */
const READINGS = 8
const READER = `$t="\\0"x8;for(1..${READINGS}){syscall(265,0,$t);push @a,unpack("ll",$t)}print "@a"`

const SOURCE = '/sys/devices/system/clocksource/clocksource0/current_clocksource'

const TICKS_PER_NS = 1 / 100
const BASE = fileTimeOf(0)

/** By how much the guest's wall clock is ahead of the host's, in units of 100 ns. */
export function clockOffset(shell: Shell, own: RealHost, clock: Clock): number {
  own.timeReads.length = 0
  own.isWatched = true
  const output =
    shell.run(
      `read s < ${SOURCE}; echo hyperv_clocksource_tsc_page > ${SOURCE}; perl -e ${quoted(READER)}; echo $s > ${SOURCE}`,
    ) ?? ''
  own.isWatched = false
  const numbers = output.trim().split(' ').map(Number)
  // Ticks from here on are relative to the first reading: all of them together are beyond 2^53.
  const [first = 0] = numbers
  const guest = Array.from({ length: READINGS }, (_, index) => {
    const [seconds = 0, nanoseconds = 0] = numbers.slice(index * 2)
    return (seconds - first) * 10_000_000 + nanoseconds * TICKS_PER_NS
  })
  const start = matching(guest, own.timeReads)
  if (start === undefined) throw new ProbeError('the guest tells the time by something else than the reference time')
  const hostAt = clock.fileTime() - BigInt(clock.now() - start)
  return Number(BASE + BigInt(first) * 10_000_000n - hostAt) + (guest[0] ?? 0)
}

/** Reference time of the first reading: the one from which all readings are as far apart as those of the host. */
function matching(guest: readonly number[], reads: readonly number[]): number | undefined {
  const [first = 0] = guest
  return reads.find((start) =>
    guest.every((ticks) => reads.some((read) => Math.abs(read - start - (ticks - first)) <= 1.5)),
  )
}
