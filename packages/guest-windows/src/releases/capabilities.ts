import type { VmbusVersion } from '@vmbus/core'
import { icVersion, type IcVersions } from '@vmbus/ic'
import { NvspVersion, nvspVersionName } from '@vmbus/netvsc/protocol'
import { VSTOR_VERSIONS, vstorVersionName } from '@vmbus/storvsc/protocol'
import type { Evidenced, Field } from '@vmbus/world'
import { networkOf } from './network.ts'
import type { IntegrationServices } from './packages.ts'
import type { NewestVersions, WindowsCapabilities, WindowsRelease } from './types.ts'

interface Ladder<V> {
  readonly names: readonly string[]
  readonly of: (name: string) => V
}

const numbers = (name: string): [major: number, minor: number] => {
  const [major = 0, minor = 0] = name.split('.').map(Number)
  return [major, minor]
}
const word = (name: string): number => {
  const [major, minor] = numbers(name)
  return (major << 16) | minor
}
const icWord = (name: string): number => icVersion(...numbers(name))

const VMBUS: Ladder<VmbusVersion> = {
  names: ['6.0', '5.3', '5.2', '5.1', '5.0', '4.1', '4.0', '3.0', '2.4', '1.1', '0.13'],
  of: word,
}
const NVSP: Ladder<number> = {
  names: ['6.1', '6', '5', '4', '2', '1'],
  of: (name) => Object.values(NvspVersion).find((version) => nvspVersionName(version) === name) ?? NvspVersion.v1,
}
const STORAGE: Ladder<number> = {
  names: ['6.2', '6.0', '5.1', '4.2', '2.0'],
  of: (name) => VSTOR_VERSIONS.find((version) => vstorVersionName(version) === name) ?? 0,
}
const MEMORY: Ladder<number> = { names: ['2.0', '1.0', '0.3'], of: word }
const component = (...names: readonly string[]): Ladder<number> => ({ names, of: icWord })
const HEARTBEAT = component('3.1', '3.0', '1.0')
const SHUTDOWN = component('3.2', '3.1', '3.0', '1.0')
const TIMESYNC = component('4.0', '3.0', '1.0')
const KVP = component('5.0', '4.0', '3.0', '1.0')
const VSS = component('7.0', '6.0', '5.0', '4.0')
const FCOPY = component('1.1')

const down = <V>({ names, of }: Ladder<V>, newest: string): V[] => names.slice(names.indexOf(newest)).map(of)

/** A list is never better known than the walk down it, which no recorded contact shows. */
const walked = <T, V>({ value, source }: Field<T>, list: (newest: T) => V): Field<V> => ({
  value: list(value),
  basis: 'inferred',
  source: `newest: ${source}; then every older one in turn`,
})

const maybe =
  <V>(list: (newest: string) => V) =>
  (newest: string | undefined): V | undefined =>
    newest === undefined ? undefined : list(newest)

/** The framework is 1.0 where every component is, and 3.0 from Windows 7 on. */
const icOf =
  (ladder: Ladder<number>, isOld: boolean) =>
  (newest: string): IcVersions => ({
    framework: isOld ? [icVersion(1, 0)] : [icVersion(3, 0), icVersion(1, 0)],
    message: down(ladder, newest),
  })

/** What the drivers try, from the newest versions, and what the network of a system of this version can. */
export function capabilitiesOf(
  newest: Evidenced<NewestVersions>,
  os: WindowsRelease['os'],
  services?: IntegrationServices,
): Evidenced<WindowsCapabilities> {
  const isOld = newest.heartbeat.value === '1.0'
  return {
    vmbus: walked(newest.vmbus, (name) => down(VMBUS, name)),
    netvsc: walked(newest.netvsc, (name) => down(NVSP, name)),
    storvsc: walked(newest.storvsc, (name) => down(STORAGE, name)),
    balloon: walked(
      newest.balloon,
      maybe((name) => down(MEMORY, name)),
    ),
    heartbeat: walked(newest.heartbeat, icOf(HEARTBEAT, isOld)),
    shutdown: walked(newest.shutdown, icOf(SHUTDOWN, isOld)),
    timesync: walked(newest.timesync, icOf(TIMESYNC, isOld)),
    kvp: walked(newest.kvp, icOf(KVP, isOld)),
    vss: walked(newest.vss, maybe(icOf(VSS, isOld))),
    fcopy: walked(newest.fcopy, maybe(icOf(FCOPY, isOld))),
    ...networkOf(os, services?.host),
    video: newest.video,
    keyboard: newest.keyboard,
    hid: newest.hid,
    vpci: newest.vpci,
  }
}
