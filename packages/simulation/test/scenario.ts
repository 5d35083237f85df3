import type { GuestGeneration } from '@vmbus/core'
import { freebsd } from '@vmbus/guest-freebsd'
import { linux } from '@vmbus/guest-linux'
import { heartbeat } from '@vmbus/heartbeat'
import { ws2022, type Host, type HostProfile } from '@vmbus/host'
import { shutdown } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import type { TraceEvent } from '@vmbus/world'
import { simulate, type SimulationOptions, type World, type WorldGuest, type WorldHost } from '../src/index.ts'

export const generations: readonly GuestGeneration[] = [linux('6.1'), linux('5.10'), linux('3.10'), freebsd('13.0')]

export interface Scenario {
  readonly world: World
  readonly host: WorldHost
  readonly guest: WorldGuest
  readonly attached: Host
  /** Bytes that crossed, in order, as text. */
  readonly crossed: string[]
  shutdown(): string
}

const crossing = (event: TraceEvent): string | undefined => {
  if (event.kind === 'message') return `message ${event.to} ${Buffer.from(event.bytes).toString('hex')}`
  if (event.kind === 'packet') return `packet ${event.to} ${event.relid} ${Buffer.from(event.bytes).toString('hex')}`
  return undefined
}

/** One guest on a host with the core components. */
export function scenario(
  options: Partial<SimulationOptions> & {
    profile?: HostProfile
    generation?: GuestGeneration
    clockAhead?: bigint
  } = {},
): Scenario {
  const { profile = ws2022, generation = linux('6.1'), clockAhead = 0n, seed = 1, ...rest } = options
  const world = simulate({ seed, ...rest })
  const stop = shutdown({})
  const host = world.host(profile, [stop, heartbeat({}), timesync({})])
  const guest = world.guest(generation, { memoryMB: 0.5, clockAhead })
  const crossed: string[] = []
  const attached = guest.attach(host, {
    trace: (event) => {
      const text = crossing(event)
      if (text !== undefined) crossed.push(text)
    },
  })
  return { world, host, guest, attached, crossed, shutdown: () => host.device(attached, stop).request({}) }
}

/** The code of the error that it throws. */
export function codeOf(act: () => unknown): unknown {
  try {
    act()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
  return undefined
}
