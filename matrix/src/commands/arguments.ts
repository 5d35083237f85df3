import { hostProfiles, hostProfile, type HostProfile } from '@vmbus/host'
import { redisAddress, withoutSecret, type RedisAddress } from '../queue/address.ts'
import { UsageError } from './failure.ts'

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3600 } as const

/** A guest's clock counts 100 ns in a double, exactly for 28 years. */
const LONGEST = 366 * 24 * 3600

/** Seconds of `60s`, `1.5m`, `500ms`, `2h`; a bare number is seconds. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  if (match === null) throw new UsageError(`not a duration: ${text} (such as 60s, 1.5m or 500ms)`)
  const seconds = Number(match[1]) * UNITS[(match[2] ?? 's') as keyof typeof UNITS]
  if (seconds > LONGEST) throw new UsageError(`not a duration: ${text} is more than a year`)
  return seconds
}

export function seedOf(text: string): number {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || seed > 0xffff_ffff)
    throw new UsageError(`not a seed: ${text} (an integer from 0 to 4294967295)`)
  return seed
}

export function profileOf(id: string): HostProfile {
  const profile = hostProfile(id)
  if (profile === undefined)
    throw new UsageError(`unknown host: ${id} (one of ${hostProfiles.map((known) => known.id).join(', ')})`)
  return profile
}

export function oneOf<T extends string>(what: string, known: readonly T[], text: string): T {
  const found = known.find((name) => name === text)
  if (found === undefined) throw new UsageError(`unknown ${what}: ${text} (one of ${known.join(', ')})`)
  return found
}

export function countOf(what: string, text: string, least: number, most: number): number {
  const count = Number(text)
  if (!/^\d+$/.test(text) || count < least || count > most)
    throw new UsageError(`not a ${what}: ${text} (an integer from ${least} to ${most})`)
  return count
}

export const workersOf = (text: string, least: number): number => countOf('number of workers', text, least, 1024)

export function queueOf(text: string): RedisAddress {
  const address = redisAddress(text)
  if (address === undefined)
    throw new UsageError(`not a queue: ${withoutSecret(text)} (such as redis://host:6379/0, or rediss: for TLS)`)
  return address
}
