import { hostProfile } from '@vmbus/host'
import { guestOf, isGuest } from '../src/guests/guests.ts'
import { PROBES } from '../src/probes/index.ts'
import type { Probe } from '../src/probes/probe.ts'
import type { Execution } from '@vmbus/report'
import { execute } from '../src/run/execute.ts'

/** What is to be found of a probe, a release and a host: the outcome, and the field that decides where one does. */
export type Expected = readonly [probe: string, release: string, host: string, outcome: string, field?: string]

function probeOf(id: string): Probe {
  const found = PROBES.find((probe) => probe.id === id)
  if (found === undefined) throw new Error(id)
  return found
}

/** Plays a probe with few values. */
export function play(
  id: string,
  release: string,
  host: string,
  change: Probe['control'] = {},
  runs = 3,
): Promise<Execution> {
  const [guest, profile] = [guestOf(release), hostProfile(host)]
  if (!isGuest(guest) || profile === undefined) throw new Error(`${release} on ${host}`)
  return execute({ id: 'x', probe: probeOf(id), guest, profile, seed: 5, runs, change })
}
