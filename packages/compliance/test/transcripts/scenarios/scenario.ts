import { hostProfiles, type HostProfile } from '@vmbus/host'
import { simulate, type World } from '@vmbus/simulation'
import {
  createTranscript,
  normalise,
  type Difference,
  type Entry,
  type Normalised,
  type Provenance,
  type Transcript,
} from '@vmbus/trace'
import { DEVICES } from '../devices.ts'

/** One run of a scenario with a simulated guest. */
export interface Trial {
  /** Kernel version, such as `6.1.0-50`. */
  readonly kernel: string
  readonly profile: HostProfile
  /** What the fixture says of the real run, such as the number of beats that it waited for. */
  readonly provenance: Provenance
  /** What the real kernel said: what of it were inputs may be taken from there. */
  readonly real: Normalised
  /**
   * How the world interleaves what runs at the same time: schedule 0 delivers every interrupt at once and begins tasks in
   * turn, others draw both delays from this seed.
   */
  readonly schedule?: number
}

export interface Run {
  readonly entries: readonly Entry[]
  readonly transcript: Normalised
  /** As the fixtures say it: `poweroff`, or `gives up` for a driver that found no version. */
  readonly outcome: string
}

/** What matrix/test/transcripts/scenarios does with a real kernel under the same name, done with a simulated one. */
export interface Scenario {
  /** The folder of its fixtures. */
  readonly name: string
  /** Kernels that were recorded. */
  readonly kernels: readonly string[]
  /** Hosts that were recorded, by id; default every one. */
  readonly hosts?: readonly string[]
  /** What makes two of its transcripts different exchanges; default any byte. */
  compare?(left: Normalised, right: Normalised, provenance: Provenance): Difference[]
  /** Resolves with the outcome when the guest has done all that the scenario asks for. */
  play(world: World, trial: Trial, transcript: Transcript): Promise<string>
  /** What of a transcript is compared; default all of it. */
  comparable?(transcript: Normalised): Normalised
}

export const hostsOf = (scenario: Scenario): readonly string[] => scenario.hosts ?? hostProfiles.map(({ id }) => id)

export async function run(scenario: Scenario, trial: Trial): Promise<Run> {
  const { schedule = 0 } = trial
  const delay = { min: 0, max: schedule === 0 ? 0 : 3 }
  await using world = simulate({ seed: schedule, interruptDelay: delay, taskDelay: delay })
  const transcript = createTranscript({ clock: world.clock })
  const outcome = await scenario.play(world, trial, transcript)
  return { entries: transcript.entries, transcript: normalise(transcript.entries, DEVICES), outcome }
}
