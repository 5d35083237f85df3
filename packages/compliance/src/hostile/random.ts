/** A reproducible stream of choices: xorshift32 (George Marsaglia, 2003). */
export interface Random {
  u32(): number
  /** 0 … bound-1. */
  below(bound: number): number
  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean
  pick<T>(from: readonly [T, ...T[]]): T
  /** Undefined when there is nothing to pick from. */
  any<T>(from: readonly T[]): T | undefined
}

export function random(seed: number): Random {
  let state = (seed | 0) === 0 ? 0x9e37_79b9 : seed | 0
  const u32 = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const below = (bound: number): number => u32() % bound
  return {
    u32,
    below,
    chance: (percent) => below(100) < percent,
    pick: (from) => from[below(from.length)] ?? from[0],
    any: (from) => (from.length === 0 ? undefined : from[below(from.length)]),
  }
}
