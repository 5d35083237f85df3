import { readFileSync } from 'node:fs'
import type { DaemonName } from '@vmbus/guest-linux'

/**
 * One thing that a scenario does, to a real guest (matrix/test/transcripts/play.ts) and to a simulated one alike. Actions
 * are those of the host's devices as matrix/src/real names them, such as `kvp.set`.
 */
export type Step =
  /** Asks a device of the host and waits for the end of it. What the host does not have or refuses is passed by. */
  | { readonly ask: string; readonly of: unknown }
  /** Asks and goes on at once. */
  | { readonly begin: string; readonly of?: unknown }
  /** Waits for so many more of an event of the host. */
  | { readonly events: `${string}:${string}`; readonly times: number }
  /** A file of the host of so many bytes, all zero but for a number in the seventh of each 2048. */
  | { readonly file: string; readonly bytes: number }
  /** Daemons of the guest are started or killed, with a second for it. */
  | { readonly start: readonly DaemonName[] }
  | { readonly kill: DaemonName }
  | { readonly seconds: number }

export const script = (name: string): readonly Step[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/scripts/${name}.json`, import.meta.url), 'utf8')) as Step[]

export const numberedFile = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => (at % 2048 === 7 ? (at >> 11) + 1 : 0))
