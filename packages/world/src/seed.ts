/** What names an event in a world: the same identity and seed always draw the same number. */
export type Identity = readonly (string | number)[]

/**
 * Random choices as a hash of (seed, identity of the event), never a running generator: an event that is removed
 * while a failing run shrinks does not reshuffle the choices of the others.
 */
export interface Seed {
  readonly value: number
  /** A uniform u32 for this event. */
  u32(...identity: Identity): number
  /** A uniform integer in 0 … bound-1 (bound at most 2^32). */
  below(bound: number, ...identity: Identity): number
}

const encoder = (text: string, h: number): number => {
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return h
}

/** Final avalanche of MurmurHash3 (Austin Appleby, public domain): every input bit flips half of the output bits. */
const avalanche = (h: number): number => {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

export function seeded(value: number): Seed {
  const u32 = (...identity: Identity): number => {
    let h = avalanche(value ^ 0x811c9dc5)
    for (const part of identity) {
      if (typeof part === 'string') h = encoder(part, Math.imul(h ^ 0x53, 0x01000193))
      else {
        h = Math.imul(h ^ (part | 0), 0x01000193)
        h = Math.imul(h ^ Math.floor(part / 0x1_0000_0000), 0x01000193)
      }
      h = avalanche(h)
    }
    return avalanche(h)
  }
  return {
    value,
    u32,
    below: (bound, ...identity) => Math.floor((u32(...identity) / 0x1_0000_0000) * bound),
  }
}
