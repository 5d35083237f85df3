import type { GuestServices } from '@vmbus/core'
import type { KvpItem } from '@vmbus/kvp'
import { netInterfaces, type NetInterfaces } from '../net/interfaces.ts'
import type { FreebsdRelease } from '../release.ts'
import { units, type Units } from '../storage/units.ts'
import { DaemonSet, type DaemonName } from './daemons.ts'
import { files, type Files } from './files.ts'

export interface SystemOptions {
  /** Daemons that rc.conf(5) enables: all (the default), none, or those named. */
  readonly daemons?: boolean | readonly DaemonName[]
  /** What the resolver makes of the system's own name. */
  readonly domainName?: string
  /** `uname -m`; default amd64. */
  readonly machine?: string
}

/** What drivers and the surface of one life of a system share. */
export interface FreebsdSystem {
  readonly files: Files
  readonly net: NetInterfaces
  readonly units: Units
  readonly daemons: DaemonSet
}

const DAEMONS: readonly DaemonName[] = ['kvp', 'vss']

/** The pool `auto` of hv_kvp_daemon (contrib/hyperv/tools/hv_kvp_daemon.c, enum key_index), in its order. */
function intrinsicKeys(
  { major, minor }: FreebsdRelease,
  { domainName = '', machine = 'amd64' }: SystemOptions,
): KvpItem[] {
  const release = `${major}.${minor}-RELEASE`
  const pairs: readonly (readonly [key: string, value: string])[] = [
    ['FullyQualifiedDomainName', domainName],
    ['IntegrationServicesVersion', '3.1'],
    ['NetworkAddressIPv4', ''],
    ['NetworkAddressIPv6', ''],
    ['OSBuildNumber', release],
    ['OSName', 'FreeBSD'],
    ['OSMajorVersion', String(major)],
    ['OSMinorVersion', String(minor)],
    ['OSVersion', release],
    ['ProcessorArchitecture', machine],
  ]
  return pairs.map(([key, value]) => ({ key, value }))
}

/** The system of a life, made by the first who asks. */
export function systemOf(
  services: Pick<GuestServices, 'service'>,
  release: FreebsdRelease,
  options: SystemOptions,
): FreebsdSystem {
  const { daemons = true } = options
  const enabled = daemons === true ? DAEMONS : daemons === false ? [] : daemons
  const own = services.service('files', files)
  const net = services.service('net', netInterfaces)
  return {
    files: own,
    net,
    units: services.service('units', units),
    daemons: services.service('daemons', () => new DaemonSet(own, net, () => intrinsicKeys(release, options), enabled)),
  }
}
