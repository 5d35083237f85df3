import { HResult } from '@vmbus/ic'
import type { IpInfo, NetworkSettings } from '@vmbus/kvp'
import { isV6, type InterfaceTable, type IpConfig, type LiveInterface } from '@vmbus/netvsc/stack'
import type { FileTree } from '../../system/file-tree.ts'
import { IP_SCRIPTS } from '../../system/ip-scripts.ts'
import { configFileOf, ifcfgOf, settingsOf } from './ifcfg.ts'

type Family = 'ipv4' | 'ipv6'

/**
 * Kernels and daemons before the requests for addresses: the daemon does nothing, and an answer without a key counts as one
 * that there are no more items (drivers/hv/hv_kvp.c, kvp_cn_callback, for daemons that register with KVP_OP_REGISTER).
 */
export const NO_SETTINGS: NetworkSettings = { get: () => HResult.noMoreItems, set: () => HResult.noMoreItems }

const MOST_PREFIX = 32

/** `255.255.255.0` of 24. */
function maskOf(prefix: number): string {
  const bits = prefix === 0 ? 0 : (0xffff_ffff << (MOST_PREFIX - prefix)) >>> 0
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.')
}

/** Addresses with prefix lengths, as getifaddrs gives them: those of IPv4 stay while the interface is down. */
function addressesIn({ config, isUp, linkLocal }: LiveInterface, family: Family): string[] {
  const own = config.addresses.filter((address) => isV6(address) === (family === 'ipv6'))
  if (family === 'ipv4') return own
  return [...(isUp ? own : []), ...(linkLocal === undefined ? [] : [`${linkLocal}/64`])]
}

const bare = (address: string): string => address.split('/', 1)[0] ?? ''

/** What the keys NetworkAddressIPv4 and NetworkAddressIPv6 say: the addresses of every interface but the loopback. */
export const addressesOf = (interfaces: InterfaceTable, family: Family): string =>
  [...interfaces.all.values()]
    .flatMap((live) => addressesIn(live, family))
    .map(bare)
    .join(';')

/** Each entry with a semicolon behind it, as the daemon puts what its commands print (kvp_process_ipconfig_file). */
const ended = (entries: readonly string[]): string[] => (entries.length === 0 ? [] : [...entries, ''])

/**
 * IP information of hv_kvp_daemon (tools/hv/hv_kvp_daemon.c, kvp_get_ip_info): both families whatever is asked for, an IPv6
 * subnet as `/64`, name servers and DHCP as far as there are scripts that tell them. An interface whose name begins
 * like that of the one meant is taken for it.
 */
function infoOf(interfaces: InterfaceTable, files: FileTree, name: string, config: IpConfig): Omit<IpInfo, 'family'> {
  const meant = [...interfaces.all].filter(([each]) => each.startsWith(name)).map(([, live]) => live)
  const v4 = meant.flatMap((live) => addressesIn(live, 'ipv4'))
  const v6 = meant.flatMap((live) => addressesIn(live, 'ipv6'))
  const prefix = (address: string): string => address.split('/')[1] ?? ''
  // All but the addresses is looked for with each of them, so without one there is nothing.
  const found = v4.length + v6.length > 0
  const [hasDns, hasDhcp] = [IP_SCRIPTS.dns, IP_SCRIPTS.dhcp].map((script) => found && files.exists(script))
  const gateways = [...config.gateways.filter((each) => !isV6(each)), ...config.gateways.filter(isV6)]
  return {
    adapterId: '',
    dhcp: hasDhcp === true && config.dhcp,
    addresses: [...v4, ...v6].map(bare),
    subnets: [...v4.map((each) => maskOf(Number(prefix(each)))), ...v6.map((each) => `/${prefix(each)}`)],
    gateways: ended(found ? gateways : []),
    dns: ended(hasDns === true ? config.dns : []),
  }
}

/** The network of hv_kvp_daemon. Applies what the host sets by the script `hv_set_ifconfig`, if there is one. */
export function kvpNetwork(interfaces: InterfaceTable, files: FileTree): NetworkSettings {
  return {
    // kvp_mac_to_if_name: the host names the adapter by its MAC address, in capitals and with colons.
    get(query) {
      const found = [...interfaces.all].find(([, { mac }]) => mac.toUpperCase() === query.adapterId)
      if (found === undefined) return HResult.fail
      const [name, { config }] = found
      return { ...infoOf(interfaces, files, name, config), ...query }
    },
    // kvp_get_if_name: here by its instance, in lower case and braces, as sysfs writes it.
    set(info) {
      const found = [...interfaces.all].find(([, { instanceId }]) => `{${instanceId}}` === info.adapterId)
      if (found === undefined) return HResult.guidNotFound
      const [name, live] = found
      const { file, isWhole } = ifcfgOf(name, live.mac, info)
      if (files.put(configFileOf(name), file) !== HResult.ok) return HResult.fail
      if (!isWhole) return HResult.invalidArgument
      if (!files.exists(IP_SCRIPTS.set)) return HResult.fail
      return applied(live, settingsOf(info)) ? HResult.ok : HResult.fail
    },
  }
}

/** What `hv_set_ifconfig` does: the interface goes down and comes up with the file's settings. False for addresses that no station has. */
function applied(live: LiveInterface, config: IpConfig): boolean {
  try {
    live.configure(config)
  } catch {
    return false
  }
  live.up()
  return true
}
