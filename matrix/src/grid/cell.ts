import { versionName } from '@vmbus/core'
import type { HostProfile } from '@vmbus/host'
import { heartbeat } from '@vmbus/heartbeat'
import { shutdown } from '@vmbus/shutdown'
import { simulate } from '@vmbus/simulation'
import { timesync } from '@vmbus/timesync'
import { TICKS_PER_SECOND } from '@vmbus/world'
import type { Evidence, Outcome } from '../results/vocabulary.ts'
import type { GridGuest } from './guests.ts'

const COMPONENTS = ['heartbeat', 'timesync', 'shutdown'] as const
type Component = (typeof COMPONENTS)[number]

/** One guest on one host. */
export interface Cell {
  readonly outcome: Outcome
  readonly evidence: Evidence
  /** Why, when it does not work. */
  readonly reason: string
  readonly vmbus: string | null
  readonly components: Readonly<Record<Component, Outcome>>
}

/** Guest seconds until a guest has connected, and for three beats after that. */
const CONNECT_SECONDS = 30
const BEATS = 3
const BEAT_SECONDS = 2 * (BEATS + 1)
const POWER_OFF_SECONDS = 30
/** A guest that is an hour ahead: only the sync message can make it agree. */
const CLOCK_AHEAD = BigInt(3600 * TICKS_PER_SECOND)

const NONE: Readonly<Record<Component, Outcome>> = { heartbeat: 'not-run', timesync: 'not-run', shutdown: 'not-run' }

const evidenceOf = ({ basis }: GridGuest): Evidence =>
  basis === 'inferred' ? 'simulated-inferred' : 'simulated-sourced'

/** Boots a simulated guest on a host and measures the three components by what they did. */
export async function measure(generation: GridGuest, profile: HostProfile, seed: number): Promise<Cell> {
  const evidence = evidenceOf(generation)
  await using world = simulate({ seed })
  const devices = { heartbeat: heartbeat({}), timesync: timesync({}), shutdown: shutdown({}) }
  const host = world.host(profile, Object.values(devices))
  const guest = world.guest(generation, { clockAhead: CLOCK_AHEAD })
  const attached = guest.attach(host)
  try {
    await guest.until('connected', { seconds: CONNECT_SECONDS })
  } catch {
    const reason = guest.bus.phase === 'failed' ? 'no version of VMBus in common' : `the guest is ${guest.bus.phase}`
    return { outcome: 'fails', evidence, reason, vmbus: null, components: NONE }
  }
  const vmbus = versionName(guest.version)
  world.run({ seconds: BEAT_SECONDS })
  const beats = host.device(attached, devices.heartbeat)
  const off = guest.wallClock() - (world.epoch + BigInt(world.clock.now()))
  const power = host.device(attached, devices.shutdown)
  const asked = power.request()
  const ended = asked === 'sent' && (await poweredOff())
  const components = {
    heartbeat: beats.status.startsWith('ok') && beats.counts.answered >= BEATS ? 'works' : 'fails',
    timesync: off < BigInt(TICKS_PER_SECOND) && off > -BigInt(TICKS_PER_SECOND) ? 'works' : 'fails',
    shutdown: ended ? 'works' : 'fails',
  } as const satisfies Record<Component, Outcome>
  const failing = COMPONENTS.filter((component) => components[component] !== 'works')
  const outcome: Outcome = failing.length === 0 ? 'works' : failing.length === COMPONENTS.length ? 'fails' : 'partial'
  return { outcome, evidence, reason: failing.length === 0 ? '' : `without ${failing.join(', ')}`, vmbus, components }

  async function poweredOff(): Promise<boolean> {
    try {
      await guest.until('powered-off', { seconds: POWER_OFF_SECONDS })
      return true
    } catch {
      return false
    }
  }
}
