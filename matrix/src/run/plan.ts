import { createHash } from 'node:crypto'
import type { HostProfile } from '@vmbus/host'
import { guestOf, isGuest, type MatrixGuest } from '../guests/guests.ts'
import { DEFAULT_RUNS, type Probe } from '../probes/probe.ts'
import { hasNeeded, hostFields } from '../worlds/hosts.ts'
import { canonical } from './canonical.ts'

/** A release of the catalog on a host. */
export interface Pair {
  readonly release: string
  readonly host: HostProfile
}

/** Something to run, as plain data: a worker makes the guest and the host from their names. */
export interface Task {
  /** Of the execution. */
  readonly id: string
  readonly probe: string
  /** The first release and host that it stands for. */
  readonly release: string
  readonly host: string
  readonly seed: number
  readonly runs: number
}

/** Why nothing runs for a cell. */
export interface NotRun {
  readonly reason: string
}

export interface Plan {
  readonly seed: number
  readonly runs: number
  /** Each once, in the order of the pairs. */
  readonly tasks: readonly Task[]
  /** The execution that serves a cell, or why none does. */
  of(release: string, host: string, probe: string): { readonly id: string } | NotRun
}

export interface PlanOptions {
  readonly seed: number
  /** Values that each property draws; default those of the probe. */
  readonly runs?: number
}

const valuesOf = (
  fields: Readonly<Record<string, { readonly value: unknown }>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> => Object.fromEntries(names.map((name) => [name, fields[name]?.value]))

/**
 * What an execution depends on: of a Linux guest what the probe reads, of others, which have few generations, all that is
 * their own.
 */
export function executionId(
  guest: MatrixGuest,
  profile: HostProfile,
  probe: Probe,
  seed: number,
  runs: number,
): string {
  const reads: readonly string[] = probe.reads[guest.family]
  const names = guest.family === 'linux' ? reads : Object.keys(guest.fields)
  const key = canonical({
    probe: probe.id,
    version: probe.version,
    family: guest.family,
    guest: valuesOf(guest.fields, names),
    beside: guest.beside(reads, profile),
    host: valuesOf(hostFields(profile), probe.reads.host),
    needed: hasNeeded(profile, probe),
    seed,
    runs,
  })
  return createHash('sha256').update(key).digest('hex')
}

const cellOf = (release: string, host: string, probe: string): string => `${release}\n${host}\n${probe}`

/** Every execution that pairs need for these probes; cells that read the same share one. */
export function planOf(pairs: readonly Pair[], probes: readonly Probe[], { seed, runs }: PlanOptions): Plan {
  const tasks = new Map<string, Task>()
  const cells = new Map<string, { readonly id: string } | NotRun>()
  const guests = new Map<string, ReturnType<typeof guestOf>>()
  for (const { release, host } of pairs) {
    const guest = guests.get(release) ?? guestOf(release)
    guests.set(release, guest)
    for (const probe of probes) {
      const cell = cellOf(release, host.id, probe.id)
      if (!isGuest(guest)) {
        cells.set(cell, { reason: guest.reason })
        continue
      }
      const count = runs ?? probe.runs ?? DEFAULT_RUNS
      const id = executionId(guest, host, probe, seed, count)
      cells.set(cell, { id })
      if (!tasks.has(id)) tasks.set(id, { id, probe: probe.id, release, host: host.id, seed, runs: count })
    }
  }
  return {
    seed,
    runs: runs ?? DEFAULT_RUNS,
    tasks: [...tasks.values()],
    of: (release, host, probe) => cells.get(cellOf(release, host, probe)) ?? { reason: 'not in this plan' },
  }
}
