/** A guest on a shared memory budget, in 4 KiB pages. */
export interface Member {
  readonly id: string
  /** Never less, never more, by configuration. */
  readonly minimum: number
  readonly maximum: number
  readonly assigned: number
  /** What its last status report says that it committed. */
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

/**
 * Pages that each guest should have: its demand when the budget allows it, else its minimum and a share of the rest by
 * weight. The sum never exceeds the budget, unless the minima alone do.
 */
export function balance(members: readonly Member[], budget: number): ReadonlyMap<string, number> {
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
