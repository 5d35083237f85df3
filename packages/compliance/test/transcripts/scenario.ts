import { linux } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import type { HostProfile } from '@vmbus/host'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { timesync } from '@vmbus/timesync'
import { createTranscript, normalise, type Entry, type Normalised } from '@vmbus/trace'

export interface Run {
  readonly entries: readonly Entry[]
  readonly transcript: Normalised
  /** As the fixtures say it: `poweroff`, or `gives up` for a driver that found no version. */
  readonly outcome: string
}

export interface Scenario {
  /** Kernel version, such as `6.1.0-50`. */
  readonly kernel: string
  readonly profile: HostProfile
  /** Answered beats before the host asks for a shutdown. */
  readonly beats: number
  /**
   * How the world interleaves what runs at the same time: schedule 0 delivers every interrupt at once and begins tasks in
   * turn, others draw both delays from this seed.
   */
  readonly schedule?: number
}

/** What matrix/test/transcripts/record.ts does with a real kernel, with a simulated one. */
export async function run({ kernel, profile, beats, schedule = 0 }: Scenario): Promise<Run> {
  const delay = { min: 0, max: schedule === 0 ? 0 : 3 }
  await using world = simulate({ seed: schedule, interruptDelay: delay, taskDelay: delay })
  const stop = shutdown({})
  const host = world.host(profile, [stop, heartbeat({}), timesync({})])
  const guest = world.guest(linux(kernel))
  const transcript = createTranscript({ clock: world.clock })
  const attached = guest.attach(host, { trace: transcript.sink })
  await guest.until('running')
  let outcome = 'gives up'
  if (guest.version !== 0) {
    for (let beat = 0; beat < beats; beat++) await guest.until('host:heartbeat:beat')
    host.device(attached, stop).request({})
    await guest.until('powered-off')
    outcome = 'poweroff'
  }
  return { entries: transcript.entries, transcript: normalise(transcript.entries), outcome }
}
