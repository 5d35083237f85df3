import type { EndName } from './ends.ts'
import type { Finding } from './probe.ts'
import type { Stage } from './stage.ts'

/** The fact of a host that says whether it offers an end. */
const HOST_FACT: Partial<Record<EndName, string>> = { fc: 'limits' }

/** The field of a guest that says whether it drives an end: only Linux has one of its own for Fibre Channel. */
const fieldOf = ({ family }: Stage, end: EndName): string =>
  end === 'fc' ? (family === 'linux' ? 'fibreChannel' : 'storvsc') : end

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
 * that does not offer one of them, a guest without its driver.
 */
export async function arrive(stage: Stage, ...ends: readonly EndName[]): Promise<Finding | undefined> {
  const came = await stage.connect()
  if (came === 'fails') return fails('no version of VMBus in common', byGuest('vmbus'))
  if (came === 'not-offered')
    return { outcome: came, reason: 'the host has no machines of generation 2', decidedBy: byHost('generations') }
  if (came !== 'connected') return { outcome: came, reason: 'the guest did not come up' }
  for (const end of ends) {
    if (!stage.offers(end))
      return { outcome: 'not-offered', reason: `the host offers no ${end}`, decidedBy: byHost(HOST_FACT[end] ?? end) }
    if (!stage.drives(end))
      return { outcome: 'no-driver', reason: `the guest has no ${end}`, decidedBy: byGuest(fieldOf(stage, end)) }
  }
  return undefined
}
