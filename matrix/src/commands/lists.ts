import { versionName } from '@vmbus/core'
import { tableText } from '../report/table.ts'
import type { Runner } from '../runner.ts'
import { featuresOf, hostsOf, releasesOf } from './names.ts'

const optional = (names: readonly string[]): string[] | undefined => (names.length === 0 ? undefined : [...names])

/** Guests by name: kernel, drivers, the end of support, and what stands for them. */
export const guestsText = (names: readonly string[], { registry }: Runner): string =>
  tableText([
    ['guest', 'drivers', 'support', 'kernel', 'simulated as'],
    ...releasesOf(registry, optional(names)).map(({ key, drivers, ended, kernel }) => {
      const guest = registry.guestOf(key)
      return [key, drivers, ended?.value ?? '', kernel.value, 'name' in guest ? guest.name : `– ${guest.reason}`]
    }),
  ])

/** Hosts by name: build, newest version of VMBus, newest configuration version. */
export const hostsText = (names: readonly string[], { registry }: Runner): string =>
  tableText([
    ['host', 'build', 'VMBus', 'machine', 'name'],
    ...hostsOf(registry, optional(names)).map(({ id, name, fields, vmbus }) => [
      id,
      `${fields.build.value[2]}`,
      vmbus.map(versionName).at(-1) ?? '',
      fields.configurationVersions.value.at(-1) ?? '',
      name,
    ]),
  ])

/** Features by name: group, and the probes that measure them. */
export const featuresText = (names: readonly string[], { registry }: Runner): string =>
  tableText([
    ['feature', 'group', 'probes', 'name'],
    ...featuresOf(registry, optional(names)).map(({ id, group, name }) => {
      const own = registry.probes.filter(({ feature }) => feature === id)
      return [id, group, own.length === 0 ? '–' : `${own.length}`, name]
    }),
  ])
