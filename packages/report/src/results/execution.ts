import type { NotReal, NotRun, Outcome } from './vocabulary.ts'

/** A message of an exchange by its name in the protocol, or what ended it. */
export interface ExchangeStep {
  readonly from: 'guest' | 'host'
  /** `UNMAP`, or a sentence of a few words where it ends. */
  readonly says: string
  /** The channel by its device's class; absent: a message of the bus itself. */
  readonly ring?: string
  /** Microseconds of the guest's life. */
  readonly time?: number
  /** Of the message; of several, of all of them. */
  readonly bytes?: number
  /** So many alike in a row; absent: one. */
  readonly count?: number
  /** Messages before it that are not told. */
  readonly untold?: number
  /** That is where it broke. */
  readonly ends?: true
}

/** One probe, run once for every guest and host that are the same to it. */
export interface Execution {
  /** Digest of the probe, its version, what it read of guest and host, seed and runs. */
  readonly id: string
  readonly probe: string
  /** The image of the real kernel that ran it; absent: a simulated guest did. */
  readonly kernel?: string
  readonly outcome: Outcome
  /** One sentence; empty where it works. */
  readonly reason: string
  readonly decidedBy?: { readonly of: 'guest' | 'host'; readonly field: string }
  /** Of the outcome `not-run` of a simulated guest, where it is not for the probe: why nothing is known. */
  readonly notRun?: NotRun
  /** Of a real kernel with the outcome `not-run`: what its machine lacks. */
  readonly notReal?: NotReal
  readonly seed: number
  /** Sequences of commands that were drawn and ran. */
  readonly runs: number
  /** Bytes of the packets that crossed the rings of its devices. */
  readonly bytes: number
  /** SHA-256 of the normalised transcript. */
  readonly transcript: string
  /** What crossed the bus: its first and its last steps, those alike in a row as one; absent where nobody told them. */
  readonly exchange?: readonly ExchangeStep[]
}
