import type { Outcome } from './vocabulary.ts'

/** One probe, run once for every guest and host that are the same to it. */
export interface Execution {
  /** Digest of the probe, its version, what it read of guest and host, seed and runs. */
  readonly id: string
  readonly probe: string
  readonly outcome: Outcome
  /** One sentence; empty where it works. */
  readonly reason: string
  readonly decidedBy?: { readonly of: 'guest' | 'host'; readonly field: string }
  readonly seed: number
  /** Sequences of commands that were drawn and ran. */
  readonly runs: number
  /** Bytes of the packets that crossed the rings of its devices. */
  readonly bytes: number
  /** SHA-256 of the normalised transcript. */
  readonly transcript: string
}
