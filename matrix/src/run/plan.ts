import { createHash } from 'node:crypto'
import type { HostProfile } from '@vmbus/host'
import type { Shard } from '@vmbus/report'
import { isGuest } from '../guests/guests.ts'
import type { MatrixGuest, NoGuest } from '../guests/types.ts'
import { DEFAULT_RUNS, type Probe } from '../probes/probe.ts'
import { remembered, within } from '../remembered.ts'
import { OURS, type ConfigFile, type Registry } from '../registry/registry.ts'
import { hasNeeded, nextHost } from '../worlds/hosts.ts'
import { seeded } from '@vmbus/world'
import { contactOf, isInContact } from '../worlds/contact.ts'
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
  /** The guest and the host with all that is their own, instead of what the probe reads alone. */
  readonly whole?: boolean
  /** Where its probe, release and host are from; absent: they are ours. */
  readonly config?: ConfigFile
  /** The real kernel that plays it, instead of a simulated guest, on the whole host. */
  readonly kernel?: string
}

/** A cell that shares an execution and is run alone as well, with all that is its own. */
export interface Check {
  /** Of its own execution. */
  readonly id: string
  /** Of the one that it shares. */
  readonly of: string
  readonly release: string
  readonly host: string
  readonly probe: string
}

/** Why nothing runs for a cell. */
interface NotRun {
  readonly reason: string
}

export interface Plan {
  readonly seed: number
  readonly runs: number
  /** Each once, in the order of the pairs. */
  readonly tasks: readonly Task[]
  readonly checks: readonly Check[]
  /** As they were asked for. */
  readonly kernels?: Readonly<Record<string, string>>
  /** Of its tasks, those that are here; absent: all. */
  readonly shard?: Shard
  /** The execution of a cell by the real kernel of its release, where that was asked for. */
  realOf(release: string, host: string, probe: string): string | undefined
  /** The execution that serves a cell, or why none does. */
  of(release: string, host: string, probe: string): { readonly id: string } | NotRun
}

export interface PlanOptions {
  readonly seed: number
  /** Values that each property draws, fewer where the probe has fewer than 20; default 20. */
  readonly runs?: number
  /** One of so many shared cells is run alone, with all that is its own, and compared; default 500. */
  readonly checked?: number
  /** Images of real kernels by release, to play every probe on as well; default none. */
  readonly kernels?: Readonly<Record<string, string>> | undefined
  /** Where releases, hosts and probes are from; default: what this package knows itself. */
  readonly registry?: Registry
}

type Fields = Readonly<Record<string, { readonly value: unknown }>>
type Values = Readonly<Record<string, unknown>>

const fieldsNamed = (fields: Fields, names: readonly string[]): Values =>
  Object.fromEntries(names.filter((name) => name !== 'vmbus').map((name) => [name, fields[name]?.value]))

/** Those of an end that the contact does not stand for. */
const valuesOf = (fields: Fields, probe: Probe, end: 'guest' | 'host', names: readonly string[]): Values =>
  fieldsNamed(
    fields,
    names.filter((name) => !isInContact(probe, name, end)),
  )

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What an execution depends on of a guest, for each probe. */
const guestPart = (guest: MatrixGuest, probe: Probe): string =>
  canonical({
    probe: probe.id,
    version: probe.version,
    family: guest.family,
    guest: valuesOf(guest.fields, probe, 'guest', probe.reads[guest.family]),
  })

/** The same of a host. */
const hostPart =
  ({ hostFields }: Registry) =>
  (host: HostProfile, probe: Probe): string => {
    const fields = hostFields(host)
    const next = probe.moves === true ? fieldsNamed(hostFields(nextHost(host)), probe.reads.host) : undefined
    return canonical({
      host: valuesOf(fields, probe, 'host', probe.reads.host),
      needed: hasNeeded(host, fields, probe),
      next,
    })
  }

/** What an execution depends on is a kilobyte of text, and half a million cells have some thousand of these: each has a number. */
interface PartText {
  readonly text: string
  readonly number: number
}

/** Equal texts as one object. */
function partTexts(): (text: string) => PartText {
  const all = new Map<string, PartText>()
  return (text) => {
    const known = all.get(text) ?? { text, number: all.size }
    all.set(text, known)
    return known
  }
}

/** The contact of a guest and a host is the same for all probes that see as much of it. */
function contactPart(
  part: (text: string) => PartText,
): (guest: MatrixGuest, host: HostProfile, probe: Probe) => PartText {
  const seenBy = new Map<Probe, ReturnType<typeof ofOne>>()
  const all = new Map<string, ReturnType<typeof ofOne>>()
  const ofOne = (probe: Probe) =>
    remembered((guest: MatrixGuest, host: HostProfile) => part(canonical(contactOf(guest, host, probe))))
  return (guest, host, probe) => {
    let contact = seenBy.get(probe)
    if (contact === undefined) {
      const seen = [probe.bus, ...['netvsc', 'storvsc'].map((name) => isInContact(probe, name, 'host'))].join()
      contact = all.get(seen) ?? ofOne(probe)
      all.set(seen, contact)
      seenBy.set(probe, contact)
    }
    return contact(guest, host)
  }
}

const CHECKED = 500

/** Values that a probe draws when those of the default draw `runs`: a merge knows the run's number alone. */
const countOf = (probe: Probe, runs = DEFAULT_RUNS): number =>
  Math.max(1, Math.round((runs * (probe.runs ?? DEFAULT_RUNS)) / DEFAULT_RUNS))

/** Values of a property on a real kernel where a simulated guest draws 20: each costs seconds. */
const REAL_RUNS = 2

const cellOf = (release: string, host: string, probe: string): string => `${release}\n${host}\n${probe}`

/** Every execution that pairs need for these probes; cells that read the same share one. */
export function planOf(
  pairs: readonly Pair[],
  probes: readonly Probe[],
  { seed, runs, checked = CHECKED, kernels, registry = OURS }: PlanOptions,
): Plan {
  const tasks = new Map<string, Task>()
  const checks: Check[] = []
  const ids = new Map<string, { readonly id: string }>()
  /** By release, host and probe. */
  const cells = new Map<string, Map<string, Map<string, { readonly id: string } | NotRun>>>()
  const guests = new Map<string, MatrixGuest | NoGuest>()
  const realIds = new Map<string, string>()
  const draws = seeded(seed)
  const part = partTexts()
  const ofContact = contactPart(part)
  const ofGuest = remembered((guest: MatrixGuest, probe: Probe) => part(guestPart(guest, probe)))
  const textOfHost = hostPart(registry)
  const ofHost = remembered((host: HostProfile, probe: Probe) => part(textOfHost(host, probe)))

  function idOf(host: HostProfile, guest: MatrixGuest, probe: Probe, count: number): { readonly id: string } {
    const [own, hosts, contact] = [ofGuest(guest, probe), ofHost(host, probe), ofContact(guest, host, probe)]
    const beside = guest.beside(probe.reads[guest.family], host).join()
    const key = `${own.number} ${hosts.number} ${contact.number} ${beside}`
    const known = ids.get(key) ?? { id: sha256(`${own.text}${hosts.text}${beside}${contact.text} ${seed} ${count}`) }
    ids.set(key, known)
    return known
  }

  function add(release: string, host: HostProfile, guest: MatrixGuest, probe: Probe): void {
    const count = countOf(probe, runs)
    const known = idOf(host, guest, probe, count)
    const { id } = known
    within(within(cells, release), host.id).set(probe.id, known)
    const { config } = registry
    const task = (): Task => ({
      id,
      probe: probe.id,
      release,
      host: host.id,
      seed,
      runs: count,
      ...(config !== undefined && { config }),
    })
    if (!tasks.has(id)) return void tasks.set(id, task())
    const cell = cellOf(release, host.id, probe.id)
    if (draws.below(checked, 'check', cell) > 0) return
    const own = sha256(`${id} alone ${cell}`)
    checks.push({ id: own, of: id, release, host: host.id, probe: probe.id })
    tasks.set(own, { ...task(), id: own, whole: true })
  }

  function addReal(release: string, host: string, kernel: string, probe: Probe): void {
    const count = Math.max(1, Math.round((countOf(probe, runs) * REAL_RUNS) / DEFAULT_RUNS))
    const id = sha256(canonical({ probe: probe.id, version: probe.version, kernel, host, seed, count }))
    const { config } = registry
    realIds.set(cellOf(release, host, probe.id), id)
    tasks.set(id, {
      id,
      probe: probe.id,
      release,
      host,
      seed,
      runs: count,
      kernel,
      ...(config !== undefined && { config }),
    })
  }

  for (const { release, host } of pairs) {
    const kernel = kernels?.[release]
    if (kernel !== undefined) for (const probe of probes) addReal(release, host.id, kernel, probe)
    const guest = guests.get(release) ?? registry.guestOf(release)
    guests.set(release, guest)
    for (const probe of probes)
      if (isGuest(guest)) add(release, host, guest, probe)
      else within(within(cells, release), host.id).set(probe.id, { reason: guest.reason })
  }
  return {
    seed,
    runs: runs ?? DEFAULT_RUNS,
    tasks: [...tasks.values()],
    checks,
    ...(kernels !== undefined && { kernels }),
    realOf: (release, host, probe) => realIds.get(cellOf(release, host, probe)),
    of: (release, host, probe) => cells.get(release)?.get(host)?.get(probe) ?? { reason: 'not in this plan' },
  }
}
