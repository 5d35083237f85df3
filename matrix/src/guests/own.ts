import type { GuestDriverSpec } from '@vmbus/core'
import type { OwnName } from '@vmbus/report'
import type { Field } from '@vmbus/world'
import type { OwnDevice } from '../probes/ends.ts'
import type { Control } from '../probes/probe.ts'
import { isThere } from '../worlds/own-devices.ts'
import type { Made, MakeOptions, MatrixGuest } from './types.ts'

/** Makes a driver of the value of the field that it belongs to. */
export type DriverOf = OwnDevice['driver']

/** What a guest has beside the fields and drivers of its family. */
export interface GuestExtras {
  /** Who has them, for drivers that are not those of a device. */
  readonly key: string
  readonly fields: Readonly<Record<OwnName, Field<unknown>>>
  /** By the field that they belong to; one of a kind that the family has takes its place. */
  readonly drivers: Readonly<Record<string, DriverOf>>
  readonly devices: readonly OwnDevice[]
}

/** What is loaded of a generation, whatever its family. */
interface Loadable {
  readonly load: readonly { readonly name: string; readonly after: number; readonly kinds: readonly string[] }[]
  drivers(services: never): readonly GuestDriverSpec[]
}

/** 100 ns units from the last module of the family to the drivers that are not its own. */
const AFTER_MODULES = 1_000_000

/** A generation with other drivers beside its own; those of a kind that it has take the place of its own. */
function loaded<G extends Loadable>(generation: G, specs: readonly GuestDriverSpec[]): G {
  if (specs.length === 0) return generation
  const kinds = specs.map(({ kind }) => kind)
  const isLeft = (kind: string): boolean => !kinds.includes(kind)
  return {
    ...generation,
    load: [
      // A step without kinds brings the bus up: one that lost its kinds is no step.
      ...generation.load.flatMap((step) => {
        const left = step.kinds.filter(isLeft)
        return left.length === 0 && step.kinds.length > 0 ? [] : [{ ...step, kinds: left }]
      }),
      { name: 'own drivers', after: AFTER_MODULES, kinds },
    ],
    drivers: (services: never) => [...generation.drivers(services).filter(({ kind }) => isLeft(kind)), ...specs],
  }
}

/** A guest with fields and drivers of a user's own. A driver is loaded for a probe that reads its field. */
export function withExtras(guest: MatrixGuest, extras: GuestExtras): MatrixGuest {
  if (guest.family === 'linux') return dressed(guest, extras)
  if (guest.family === 'freebsd') return dressed(guest, extras)
  return dressed(guest, extras)
}

function dressed<F extends string, G extends Loadable>(guest: Made<F, G>, extras: GuestExtras): Made<F, G> {
  const { key, drivers, devices } = extras
  const fields: Readonly<Record<string, Field<unknown>>> = { ...guest.fields, ...extras.fields }
  const makers = new Map<string, DriverOf>([
    ...devices.map(({ id, driver }) => [id, driver] as const),
    ...Object.entries(drivers),
  ])
  const ownOf = (reads: readonly string[] | undefined, change: Control): GuestDriverSpec[] => {
    const changed: Readonly<Record<string, unknown>> = { ...change }
    return [...makers].flatMap(([field, driver]) => {
      const value = field in changed ? changed[field] : fields[field]?.value
      const isRead = reads?.includes(field) ?? true
      return isRead && isThere(value) ? [driver(value)] : []
    })
  }
  return {
    ...guest,
    fields,
    beside: (reads, host) => [
      ...guest.beside(reads, host),
      ...Object.keys(drivers).flatMap((field) => (reads.includes(field) ? [`driver of ${field} of ${key}`] : [])),
    ],
    make: (options: MakeOptions = {}) => loaded(guest.make(options), ownOf(options.reads, options.change ?? {})),
  }
}
