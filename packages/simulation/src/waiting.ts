import { SimulationError } from './errors.ts'
import { current, powerOf, type GuestLife } from './guest-life.ts'
import { hasEnded } from './system.ts'
import type { Awaited, GuestEvent, UntilOptions } from './types.ts'

/** What was waited for did not happen, and the guest is still there. */
const NOT_IN_TIME: ReadonlySet<string> = new Set(['VMBUS_SIMULATION_TIMEOUT', 'VMBUS_SIMULATION_IDLE'])

export function listen({ listeners }: GuestLife<unknown>, listener: (event: GuestEvent) => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** How the guest has ended, if it has. */
const ended = (life: GuestLife<unknown>) => (): string | undefined =>
  hasEnded(powerOf(life)) ? powerOf(life) : undefined

export async function until(life: GuestLife<unknown>, what: Awaited, waiting: UntilOptions = {}): Promise<void> {
  current(life)
  let happened = reached(life, what)
  const stop = listen(life, (event) => {
    happened ||= reached(life, what) || isEvent(event, what)
  })
  try {
    await life.world.until(() => happened, ended(life), `${life.name}: ${what}`, waiting)
  } finally {
    stop()
  }
}

/** False when it does not hold in time. */
export async function untilTrue(
  life: GuestLife<unknown>,
  what: () => boolean,
  label: string,
  waiting: UntilOptions,
): Promise<boolean> {
  try {
    await life.world.until(what, ended(life), `${life.name}: ${label}`, waiting)
    return true
  } catch (error) {
    if (error instanceof SimulationError && NOT_IN_TIME.has(error.code)) return false
    throw error
  }
}

/** States hold already; everything else is the next event of its name. */
function reached(life: GuestLife<unknown>, what: Awaited): boolean {
  const bus = life.attached?.system.bus
  if (what === 'connected') return bus !== undefined && bus.version !== 0
  if (what === 'offers-delivered') return bus?.phase === 'running'
  if (what === 'failed') return bus?.phase === 'failed'
  return what === powerOf(life)
}

function isEvent(event: GuestEvent, what: Awaited): boolean {
  if (event.kind === 'host') return what === `host:${event.name}`
  if (event.kind === 'driver') return what === 'driver' || what === `driver:${event.name}`
  return event.kind === what
}
