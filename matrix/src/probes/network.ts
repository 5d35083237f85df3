import { arrive, byGuest, byHost, fails } from './arrive.ts'
import type { Finding, Reads } from './probe.ts'
import type { Stage } from './stage.ts'

/** Of the guest; the peer is 10.0.0.1. */
export const ADDRESS = '10.0.0.2'

/** What every probe of an adapter reads, and what it reads beside of each family. */
export const netReads = (
  own: Reads['linux'][number],
  freebsd: Reads['freebsd'] = [],
  windows: Reads['windows'] = [],
): Reads => ({
  linux: ['vmbus', 'netvsc', own],
  freebsd: ['vmbus', 'netvsc', 'ndis', ...freebsd],
  windows: ['vmbus', 'netvsc', ...windows],
  host: ['vmbus', 'netvsc'],
})

/** Brings the guest up with its interface, which has an address; else what is found out by that. */
export async function plugged(stage: Stage): Promise<Finding | undefined> {
  const found = await arrive(stage, 'netvsc')
  if (found !== undefined) return found
  if (!(await stage.until(() => stage.net().exists))) return fails('no interface was found', byGuest('netvsc'))
  const net = stage.net()
  net.up()
  net.setAddress(`${ADDRESS}/24`)
  if (await stage.until(() => net.isUp && stage.device('netvsc').up)) return undefined
  return fails('the interface does not come up', byGuest('netvsc'))
}

/** What nothing stands for is not run. */
export const noTools = (what: string): Finding => ({
  outcome: 'not-run',
  reason: `nothing stands for the tools by which its system ${what}`,
})

/** Of the versions that a guest or a host has. */
export const newest = (words: unknown): number =>
  Array.isArray(words) ? Math.max(0, ...words.filter((word): word is number => typeof word === 'number')) : 0

/** Who keeps the version of the protocol low. */
export const older = (stage: Stage): NonNullable<Finding['decidedBy']> =>
  newest(stage.host['netvsc']) < newest(stage.guest['netvsc']) ? byHost('netvsc') : byGuest('netvsc')
