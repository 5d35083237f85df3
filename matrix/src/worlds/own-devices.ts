import type { HostDeviceSpec } from '@vmbus/core'
import type { OwnName } from '@vmbus/report'
import type { EndName, OwnDevice } from '../probes/ends.ts'

/** Devices of a user's own as one host has them, by id. */
export type OwnSpecs = ReadonlyMap<EndName, { readonly spec: HostDeviceSpec; readonly isOffered: boolean }>

/** The dot tells a user's own names from all of ours. */
export const isOwn = (end: EndName): end is OwnName => end.includes('.')

/** Whether the value of a device's field says that it, or its driver, is there. */
export const isThere = (value: unknown): boolean => value !== undefined && value !== false

/** The devices among `ends`, each created with the value that the host has of it. */
export const ownSpecs = (
  devices: readonly OwnDevice[],
  ends: readonly EndName[],
  fields: Readonly<Record<string, { readonly value: unknown }>>,
): OwnSpecs =>
  new Map(
    devices
      .filter(({ id }) => ends.includes(id))
      .map((device) => {
        const value = fields[device.id]?.value
        const spec = device.offer()
        return [
          device.id,
          { spec: { ...spec, create: (deps) => spec.create(deps, value) }, isOffered: isThere(value) },
        ] as const
      }),
  )
