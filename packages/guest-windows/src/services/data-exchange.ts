import type { GuestDriverSpec } from '@vmbus/core'
import { HResult, type IcVersions } from '@vmbus/ic'
import { REGISTRY_KEYS, kvp, registryPools, type IpInfo, type NetworkSettings } from '@vmbus/kvp'
import { UNCONFIGURED, type InterfaceTable, type LiveInterface } from '@vmbus/netvsc/stack'
import { RegistryType, type WindowsRegistry } from '../system/registry.ts'

/** Who a simulated Windows is. */
export interface Identity {
  readonly computerName: string
  /** '' in a workgroup. */
  readonly domain: string
  readonly osName: string
  readonly os: readonly [major: number, minor: number, build: number]
  /** Number of the service pack, 0 without. */
  readonly servicePack: number
  readonly isServer: boolean
  /** `amd64` or `x86`. */
  readonly architecture: 'amd64' | 'x86'
  /** Build of the drivers, `10.0.20348`. */
  readonly integrationServices: string
}

/** VER_SUITE_SINGLEUSERTS (winnt.h), and for servers VER_SUITE_TERMINAL too. */
const SUITE = { client: 0x100, server: 0x110 } as const
/** VER_NT_WORKSTATION and VER_NT_SERVER. */
const PRODUCT = { client: 1, server: 3 } as const
/** PROCESSOR_ARCHITECTURE_AMD64 and _INTEL. */
const ARCHITECTURE = { amd64: 9, x86: 0 } as const
/** VER_PLATFORM_WIN32_NT. */
const PLATFORM = 2

/** What vmickvpexchange writes of the system into the key `Auto` (names: strings of icsvc.dll). */
export function autoValues(identity: Identity): Readonly<Record<string, string>> {
  const { computerName, domain, osName, os, servicePack, architecture, integrationServices } = identity
  const kind = identity.isServer ? 'server' : 'client'
  return {
    FullyQualifiedDomainName: domain === '' ? computerName : `${computerName}.${domain}`,
    OSName: osName,
    OSVersion: os.join('.'),
    CSDVersion: servicePack === 0 ? '' : `Service Pack ${servicePack}`,
    OSMajorVersion: `${os[0]}`,
    OSMinorVersion: `${os[1]}`,
    OSBuildNumber: `${os[2]}`,
    OSPlatformId: `${PLATFORM}`,
    ServicePackMajor: `${servicePack}`,
    ServicePackMinor: '0',
    SuiteMask: `${SUITE[kind]}`,
    ProductType: `${PRODUCT[kind]}`,
    ProcessorArchitecture: `${ARCHITECTURE[architecture]}`,
    IntegrationServicesVersion: integrationServices,
    NetworkAddressIPv4: '',
    NetworkAddressIPv6: '',
    RDPAddressIPv4: '',
    RDPAddressIPv6: '',
  }
}

/** Addresses without their prefix lengths, as the host lists them. */
const addressesOf = (adapters: InterfaceTable): string =>
  [...adapters.all.values()]
    .flatMap(({ config: { addresses } }) => addresses.map((address) => address.replace(/\/.*$/, '')))
    .join(';')

/** 24 is `255.255.255.0`. */
const maskOf = (prefix: number): string =>
  [24, 16, 8, 0].map((shift) => (prefix === 0 ? 0 : (-1 << (32 - prefix)) >>> shift) & 0xff).join('.')

/** `255.255.255.0` is 24. */
const prefixOf = (mask: string): number =>
  mask
    .split('.')
    .map((part) => Number(part).toString(2).replaceAll('0', '').length)
    .reduce((sum, bits) => sum + bits, 0)

function infoOf({ instanceId, config }: LiveInterface): IpInfo {
  const [address = ''] = config.addresses
  const [ip = '', prefix = '0'] = address.split('/')
  const isSet = address !== ''
  return {
    adapterId: `{${instanceId}}`,
    family: 'ipv4',
    dhcp: false,
    addresses: isSet ? [ip] : [],
    subnets: isSet ? [maskOf(Number(prefix))] : [],
    gateways: [],
    dns: [],
    ...(isSet ? { origins: ['static'] as const } : {}),
  }
}

/** Addresses that the host asks for and sets, of the adapter whose instance it names; IPv4 alone. */
function networkOf(adapters: InterfaceTable): NetworkSettings {
  const find = (adapterId: string): LiveInterface | undefined => {
    const wanted = adapterId.replaceAll(/[{}]/g, '').toLowerCase()
    return [...adapters.all.values()].find(({ instanceId }) => instanceId?.toLowerCase() === wanted)
  }
  return {
    get({ adapterId }) {
      const found = find(adapterId)
      return found === undefined ? undefined : infoOf(found)
    },
    set({ adapterId, addresses, subnets }) {
      const found = find(adapterId)
      if (found === undefined) return HResult.guidNotFound
      const place = addresses.findIndex((each) => each.includes('.'))
      const [address, mask] = [addresses[place], subnets[place]]
      if (address === undefined || mask === undefined) return HResult.invalidArgument
      found.configure({ ...UNCONFIGURED, addresses: [`${address}/${prefixOf(mask)}`] })
      return HResult.ok
    },
  }
}

/** vmickvpexchange: pools are registry keys, numbers keep their types, keys differ by more than case. */
export function dataExchangeDriver(
  versions: IcVersions,
  registry: WindowsRegistry,
  adapters: InterfaceTable,
): GuestDriverSpec {
  const pools = registryPools(registry)
  const put = (name: string, data: string): void =>
    void registry.set(REGISTRY_KEYS.auto, { name, type: RegistryType.sz, data })
  return kvp.driver({
    versions,
    pools,
    network: networkOf(adapters),
    intrinsic() {
      const addresses = addressesOf(adapters)
      put('NetworkAddressIPv4', addresses)
      put('RDPAddressIPv4', addresses)
      return pools.items('auto')
    },
  })
}
