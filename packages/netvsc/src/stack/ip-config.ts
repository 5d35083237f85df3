import type { PeerOptions } from '@vmbus/switch/peer'
import { flag, list, object, text, type Shape } from '@vmbus/world'

/** What an interface is set to, by hand or by its host. */
export interface IpConfig {
  /** With prefix lengths, such as `10.0.0.2/24` and `fd00::2/64`; the first of a family is the source of what is sent. */
  readonly addresses: readonly string[]
  /** Default routes; the first of a family is used. */
  readonly gateways: readonly string[]
  /** Name servers, which nobody asks here. */
  readonly dns: readonly string[]
  /** Asks for its addresses when it comes up. No network here has a DHCP server, so it gets none. */
  readonly dhcp: boolean
}

export const UNCONFIGURED: IpConfig = { addresses: [], gateways: [], dns: [], dhcp: false }

export const ipConfig: Shape<IpConfig> = object<IpConfig>({
  addresses: list(text),
  gateways: list(text),
  dns: list(text),
  dhcp: flag,
})

export const isV6 = (address: string): boolean => address.includes(':')

/** Below it a link has no IPv6 (net/ipv6/addrconf.c, addrconf_notify; RFC 8200, 5). */
const LEAST_MTU_V6 = 1280

/** The same for the IP stack, which has a first address of each family and more. */
export function peerAddresses(config: IpConfig, mtu: number): Partial<PeerOptions> {
  const usable = (address: string): boolean => mtu >= LEAST_MTU_V6 || !isV6(address)
  const [addresses, gateways] = [config.addresses.filter(usable), config.gateways.filter(usable)]
  const isV4 = (address: string): boolean => !isV6(address)
  const [ipv4, ipv6] = [addresses.find(isV4), addresses.find(isV6)]
  return {
    ipv4,
    ipv6,
    more: addresses.filter((address) => address !== ipv4 && address !== ipv6),
    gateway4: gateways.find(isV4),
    gateway6: gateways.find(isV6),
  }
}
