import { SimulationError } from './errors.ts'
import type { World } from './world.ts'

/** All that another run needs to give the same bytes, and what they were. */
export interface Replay {
  readonly format: 'vmbus-replay/1'
  readonly seed: number
  /** FILETIME at reference time 0, decimal. */
  readonly epoch: string
  /** The choices of the program that drove the world, such as the path of a fast-check counterexample; empty without. */
  readonly path: string
  /** What it ran with, such as `{ node: '22.1.0', '@vmbus/core': '0.1.0' }`. Never compared. */
  readonly versions: Readonly<Record<string, string>>
  readonly steps: number
  /** SHA-256, hexadecimal: `ram/<guest>` of each guest's memory, `transcript` when lines were given. */
  readonly digests: Readonly<Record<string, string>>
}

export interface ReplayOptions {
  readonly path?: string
  readonly versions?: Readonly<Record<string, string>>
  /** Lines of a transcript, as `toJsonLine` of @vmbus/trace writes them. */
  readonly transcript?: Iterable<string>
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(bytes))
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** What this world has come to. */
export async function recordReplay(world: World, options: ReplayOptions = {}): Promise<Replay> {
  const { path = '', versions = {}, transcript } = options
  const digests: Record<string, string> = {}
  for (const { name, memory } of world.guests) digests[`ram/${name}`] = await sha256(memory.bytes)
  if (transcript !== undefined)
    digests['transcript'] = await sha256(new TextEncoder().encode([...transcript].join('\n')))
  return {
    format: 'vmbus-replay/1',
    seed: world.seed,
    epoch: world.epoch.toString(),
    path,
    versions,
    steps: world.steps,
    digests,
  }
}

/** Names of what this world, run again, has different: `steps`, or those of digests. Empty: the same run. */
export async function compareReplay(world: World, replay: Replay, options: ReplayOptions = {}): Promise<string[]> {
  const now = await recordReplay(world, options)
  const names = Object.keys(replay.digests).filter((name) => now.digests[name] !== replay.digests[name])
  return now.steps === replay.steps ? names : ['steps', ...names]
}

/** The options of `simulate` that a replay says. */
export const replayOptions = (replay: Replay): { readonly seed: number; readonly epoch: bigint } => ({
  seed: replay.seed,
  epoch: BigInt(replay.epoch),
})

export const toReplayFile = (replay: Replay): string => `${JSON.stringify(replay, null, 2)}\n`

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === 'string')

/** @throws SimulationError VMBUS_REPLAY_INVALID for anything that is not such a file. */
export function fromReplayFile(text: string): Replay {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new SimulationError('VMBUS_REPLAY_INVALID', 'not JSON')
  }
  const { format, seed, epoch, path, versions, steps, digests } = (value ?? {}) as Record<string, unknown>
  const isReplay =
    format === 'vmbus-replay/1' &&
    typeof seed === 'number' &&
    Number.isSafeInteger(seed) &&
    typeof epoch === 'string' &&
    /^\d+$/.test(epoch) &&
    typeof path === 'string' &&
    typeof steps === 'number' &&
    Number.isSafeInteger(steps) &&
    isTexts(versions) &&
    isTexts(digests)
  if (!isReplay) throw new SimulationError('VMBUS_REPLAY_INVALID', 'not a replay of format vmbus-replay/1')
  return { format, seed, epoch, path, versions, steps, digests }
}
