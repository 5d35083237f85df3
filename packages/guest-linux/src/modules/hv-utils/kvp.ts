import type { GuestDriverSpec } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'
import { filePools, kvp, type KvpItem, type KvpQuirk } from '@vmbus/kvp'
import { readUtf8 } from '@vmbus/kvp/protocol'
import type { InterfaceTable } from '@vmbus/netvsc/stack'
import { netInterfaces } from '../../net/index.ts'
import type { QuirkId } from '../../quirks.ts'
import { poolFilesOf, type FileTree } from '../../system/file-tree.ts'
import { osRelease, type SystemIdentity } from '../../system/identity.ts'
import type { ModuleContext } from '../module.ts'
import { NO_SETTINGS, addressesOf, kvpNetwork } from './kvp-network.ts'
import { linuxIc, perSignal } from './negotiation.ts'
import { servedBy } from './served-by.ts'

/** EAI_AGAIN of the C library, as the daemon formats it. */
const NO_NAME = 'getaddrinfo failed: 0xfffffffd Temporary failure in name resolution'

const KVP_QUIRKS: readonly (readonly [QuirkId, KvpQuirk])[] = [
  ['kvp-text-only', 'text-only'],
  ['kvp-empty-get', 'empty-get'],
  ['kvp-cuts-answers', 'cuts-answers'],
  ['kvp-waits-for-daemon', 'waits-for-daemon'],
]

/**
 * The pool `auto` of the daemon, in its order (tools/hv/hv_kvp_daemon.c, enum key_index). `servicesVersion` is what the
 * kernel tells the daemon when it registers.
 */
export function intrinsicKeys(
  identity: SystemIdentity,
  files: FileTree,
  quirks: ReadonlySet<QuirkId>,
  interfaces: InterfaceTable,
  servicesVersion: string,
): KvpItem[] {
  const { release, machine, domainName = quirks.has('kvp-error-as-name') ? NO_NAME : '' } = identity
  const text = files.read('/etc/os-release') ?? new Uint8Array(0)
  const { name = 'Linux', version = '' } = osRelease(readUtf8(text, 0, text.length))
  const pairs: readonly (readonly [key: string, value: string])[] = [
    ['FullyQualifiedDomainName', domainName],
    ['IntegrationServicesVersion', servicesVersion],
    ['NetworkAddressIPv4', addressesOf(interfaces, 'ipv4')],
    ['NetworkAddressIPv6', addressesOf(interfaces, 'ipv6')],
    ['OSBuildNumber', release],
    ['OSName', name],
    ['OSMajorVersion', version],
    ['OSMinorVersion', ''],
    ['OSVersion', release.split('-', 1)[0] ?? ''],
    ['ProcessorArchitecture', machine],
  ]
  return pairs.map(([key, value]) => ({ key, value }))
}

/** drivers/hv/hv_kvp.c with hv_kvp_daemon. */
export function kvpDriver(context: ModuleContext, versions: IcVersions): GuestDriverSpec {
  const { capabilities, quirks, services, system } = context
  const { files, daemons, identity } = system
  const interfaces = services.service('net', netInterfaces)
  return servedBy(daemons, 'kvp', (daemon) =>
    kvp.driver({
      ...linuxIc(versions),
      perSignal: perSignal(quirks),
      pools: filePools(poolFilesOf(files), { rewrite: quirks.has('kvp-rewrites-in-place') ? 'in-place' : 'rename' }),
      intrinsic: () => intrinsicKeys(identity, files, quirks, interfaces, capabilities.moduleVersion),
      network: capabilities.kvpIp ? kvpNetwork(interfaces, files) : NO_SETTINGS,
      quirks: KVP_QUIRKS.flatMap(([id, quirk]) => (quirks.has(id) ? [quirk] : [])),
      daemon,
    }),
  )
}
