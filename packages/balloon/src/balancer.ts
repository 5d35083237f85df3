import { checkOptions, instance, integer, list, number, object, optional, text, type Given } from '@vmbus/world'
import type { BalloonHost } from './host/index.ts'
import { CHUNK_PAGES } from './protocol.ts'

/** A guest on a shared memory budget, in 4 KiB pages. */
export interface Member {
  readonly id: string
  /** Never less, never more, by configuration. */
  readonly minimum: number
  readonly maximum: number
  readonly assigned: number
  /** What it uses: the commitment of its last status report without the balloon, which a guest counts in; see `needed` of `BalloonHost`. */
  readonly committed: number
  /** Percent of committed memory to keep free beside it (Hyper-V's "memory buffer", 5 to 2000, default 20). */
  readonly buffer?: number
  /** Share when there is not enough for all, 0 to 10000, default 5000. */
  readonly weight?: number
}

const DEFAULT_BUFFER = 20
const DEFAULT_WEIGHT = 5000

export const demandOf = ({ committed, buffer = DEFAULT_BUFFER, minimum, maximum }: Member): number =>
  Math.min(maximum, Math.max(minimum, Math.ceil(committed * (1 + buffer / 100))))

const pages = number(0)
const configured = {
  id: text,
  minimum: pages,
  maximum: pages,
  buffer: optional(number(0)),
  weight: optional(integer(0, 10_000)),
}
const balanced = object({
  members: list(object<Given<Member>>({ ...configured, assigned: pages, committed: pages })),
  budget: number(),
})
const rebalanced = object({
  guests: list(object<Given<BalancedGuest>>({ ...configured, host: instance<BalloonHost>() })),
  budget: number(),
})

/**
 * Pages that each guest should have: its demand when the budget allows it, else its minimum and a share of the rest by
 * weight. The sum never exceeds the budget, unless the minima alone do. Throws OptionsError (VMBUS_OPTIONS_INVALID).
 */
export function balance(members: readonly Member[], budget: number): ReadonlyMap<string, number> {
  checkOptions('balance', balanced, { members, budget })
  return share(members, budget)
}

function share(members: readonly Member[], budget: number): ReadonlyMap<string, number> {
  const targets = new Map<string, number>(members.map((member) => [member.id, member.minimum]))
  let left = budget - members.reduce((sum, { minimum }) => sum + minimum, 0)
  let open = members.filter((member) => demandOf(member) > member.minimum)
  while (left > 0 && open.length > 0) {
    const weights = open.reduce((sum, { weight = DEFAULT_WEIGHT }) => sum + weight + 1, 0)
    const round = left
    for (const member of open) {
      const share = Math.max(1, Math.floor((round * ((member.weight ?? DEFAULT_WEIGHT) + 1)) / weights))
      const has = targets.get(member.id) ?? 0
      const more = Math.min(share, left, demandOf(member) - has)
      targets.set(member.id, has + more)
      left -= more
    }
    open = open.filter((member) => (targets.get(member.id) ?? 0) < demandOf(member))
  }
  return targets
}

/** A guest whose memory a budget covers. */
export interface BalancedGuest extends Pick<Member, 'id' | 'minimum' | 'maximum' | 'buffer' | 'weight'> {
  readonly host: BalloonHost
}

/** What was asked of a guest. */
export interface Move {
  readonly id: string
  readonly action: 'balloon' | 'unballoon'
  readonly pages: number
}

/**
 * One round of balancing: asks guests that have more than they should to give up the rest, and gives others back as much
 * as the budget has left. What a guest is asked for counts as its own until it has given it, so the budget is never
 * overdrawn; guests that are busy, or have not reported yet, keep what they have. Call it every few seconds.
 * Differences of less than 2 MiB are let be, unless the budget is overdrawn. Memory is not hot added. Throws OptionsError
 * (VMBUS_OPTIONS_INVALID).
 */
export function rebalance(guests: readonly BalancedGuest[], budget: number): readonly Move[] {
  checkOptions('rebalance', rebalanced, { guests, budget })
  const total = guests.reduce((sum, { host }) => sum + host.assignedPages, 0)
  const open = guests.flatMap(({ host, ...guest }) =>
    host.ready && host.needed !== undefined
      ? [{ ...guest, host, assigned: host.assignedPages, committed: host.needed }]
      : [],
  )
  const held = total - open.reduce((sum, { assigned }) => sum + assigned, 0)
  const targets = share(open, budget - held)
  const least = total > budget ? 1 : CHUNK_PAGES
  const moves: Move[] = []
  let left = budget - total
  for (const { id, host, assigned } of open) {
    const change = (targets.get(id) ?? assigned) - assigned
    const action = change < 0 ? 'balloon' : 'unballoon'
    const pages = change < 0 ? -change : Math.min(change, left, host.balloonedPages)
    if (pages < least || host[action](pages) !== 'begun') continue
    left -= host.assignedPages - assigned
    moves.push({ id, action, pages })
  }
  return moves
}
