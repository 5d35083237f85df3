import type { Capabilities } from '@vmbus/guest-linux'
import type { EndName } from './ends.ts'
import type { Finding } from './probe.ts'
import type { Stage } from './stage.ts'

/** The fact of a host that says whether it offers an end. */
const HOST_FACT: Partial<Record<EndName, string>> = { fc: 'limits' }

/** The field of a guest that says whether it drives an end: only Linux has one of its own for Fibre Channel. */
const fieldOf = ({ family }: Stage, end: EndName): string =>
  end === 'fc' ? (family === 'linux' ? 'fibreChannel' : 'storvsc') : end

/** Whether the guest has a driver for an end, by what it declares: FreeBSD's storage driver has no Fibre Channel. */
function declares(stage: Stage, end: EndName): boolean {
  if (end === 'fc' && stage.family === 'freebsd') return false
  const field = fieldOf(stage, end)
  const value = field in stage.guest ? stage.guest[field] : undefined
  return value !== undefined && value !== false
}

/** Versions of a component that no host has: its driver connects, and nothing is agreed on. */
export const STRANGE: Capabilities['shutdown'] = { framework: [0x3_0000], message: [0x9_0009] }

/** What no source tells of is not run. */
export const noSource = (what: string): Finding => ({
  outcome: 'not-run',
  reason: `no source that was read says ${what}`,
  notRun: 'no-source',
})

export const works: Finding = { outcome: 'works', reason: '' }

export const fails = (reason: string, decidedBy?: Finding['decidedBy']): Finding => ({
  outcome: 'fails',
  reason,
  ...(decidedBy === undefined ? {} : { decidedBy }),
})

export const byGuest = (field: string): NonNullable<Finding['decidedBy']> => ({ of: 'guest', field })
export const byHost = (field: string): NonNullable<Finding['decidedBy']> => ({ of: 'host', field })

/**
 * Brings the guest up. Undefined when it drives all of `ends`; else what is found out by that: no version in common, a host
 * that does not offer one of them, a guest without its driver or with one that leaves this host's device alone.
 */
export async function arrive(stage: Stage, ...ends: readonly EndName[]): Promise<Finding | undefined> {
  const came = await stage.connect()
  if (came === 'fails') return fails('no version of VMBus in common', byGuest('vmbus'))
  if (came === 'not-offered')
    return { outcome: came, reason: 'the host has no machines of generation 2', decidedBy: byHost('generations') }
  if (came !== 'connected') return { outcome: came, reason: 'the guest did not come up' }
  for (const end of ends) {
    const decides = byHost(HOST_FACT[end] ?? end)
    if (!stage.offers(end)) return { outcome: 'not-offered', reason: `the host offers no ${end}`, decidedBy: decides }
    if (stage.drives(end)) continue
    if (declares(stage, end)) return fails(`guest and host agree on no ${end}`, decides)
    return { outcome: 'no-driver', reason: `the guest has no ${end}`, decidedBy: byGuest(fieldOf(stage, end)) }
  }
  return undefined
}
