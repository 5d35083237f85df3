import type { IpInfo } from '@vmbus/kvp'
import { parseIpv4, parseIpv6, utf8z } from '@vmbus/kvp/protocol'
import { UNCONFIGURED, type IpConfig } from '@vmbus/netvsc/stack'

/** Where the daemon writes what it hands to `hv_set_ifconfig` (tools/hv/hv_kvp_daemon.c, KVP_CONFIG_LOC). */
export const configFileOf = (name: string): string => `/var/lib/hyperv/ifcfg-${name}`

interface Tags {
  readonly v4: string
  readonly v6: string
  /** What stands behind the tag of the entry of this number of its family. */
  readonly number4: (index: number) => string
  readonly number6: (index: number) => string
  /** What is no IPv6 address is written as one all the same, as prefix lengths are. */
  readonly isLoose?: true
}

/** The first of IPv6 has no number, and the next is `_1`. */
const underscored = (index: number): string => (index === 0 ? '' : `_${index}`)
const IPADDR: Tags = { v4: 'IPADDR', v6: 'IPV6ADDR', number4: String, number6: underscored }
const NETMASK: Tags = { v4: 'NETMASK', v6: 'IPV6NETMASK', number4: String, number6: underscored, isLoose: true }
const GATEWAY: Tags = {
  v4: 'GATEWAY',
  v6: 'IPV6_DEFAULTGW',
  number4: (index) => (index === 0 ? '' : `${index}`),
  number6: underscored,
}

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
/** Every digit of it (expand_ipv6). */
const expanded = (bytes: Uint8Array): string => (hex(bytes).match(/.{4}/g) ?? []).join(':')

/** An entry as the daemon writes it, with its family; undefined for what is no address (process_ip_string). */
function entryOf(text: string, isLoose: boolean): { readonly isV4: boolean; readonly written: string } | undefined {
  if (parseIpv4(text) !== undefined) return { isV4: true, written: text }
  const bytes = parseIpv6(text)
  if (bytes === undefined && !isLoose) return undefined
  return { isV4: false, written: bytes === undefined ? text : expanded(bytes) }
}

/** Adds lines up to the first entry that is none; false if there is one. */
function listed(lines: string[], entries: readonly string[], tags: Tags): boolean {
  let [v4, v6] = [0, 0]
  for (const text of entries) {
    const entry = entryOf(text, tags.isLoose === true)
    if (entry === undefined) return false
    const tag = entry.isV4 ? `${tags.v4}${tags.number4(v4++)}` : `${tags.v6}${tags.number6(v6++)}`
    lines.push(`${tag}=${entry.written}`)
  }
  return true
}

/** Name servers of both families count together, from 1. */
function listedDns(lines: string[], entries: readonly string[]): boolean {
  for (const [index, text] of entries.entries()) {
    const entry = entryOf(text, false)
    if (entry === undefined) return false
    lines.push(`DNS${index + 1}=${entry.written}`)
  }
  return true
}

/** The settings of an interface as ifcfg file, and whether every entry of them could be written. */
export function ifcfgOf(
  name: string,
  mac: string,
  { dhcp, addresses, subnets, gateways, dns }: IpInfo,
): { readonly file: Uint8Array; readonly isWhole: boolean } {
  const lines = [`HWADDR=${mac.toUpperCase()}`, `DEVICE=${name}`, `BOOTPROTO=${dhcp ? 'dhcp' : 'none'}`]
  const isWhole =
    dhcp ||
    (listed(lines, addresses, IPADDR) &&
      listed(lines, subnets, NETMASK) &&
      listed(lines, gateways, GATEWAY) &&
      listedDns(lines, dns))
  return { file: utf8z(`${lines.join('\n')}\n`).subarray(0, -1), isWhole }
}

const ones = (byte: number): number => byte.toString(2).replaceAll('0', '').length

/** The prefix length of a mask; without a mask that of the address's class, as `ipcalc --prefix` says. */
function prefix4(address: Uint8Array, mask: string | undefined): number {
  const bytes = mask === undefined ? undefined : parseIpv4(mask)
  if (bytes !== undefined) return bytes.reduce((sum, byte) => sum + ones(byte), 0)
  const [first = 0] = address
  return first < 128 ? 8 : first < 192 ? 16 : 24
}

const DEFAULT_PREFIX_6 = '64'

/** What an interface has when it comes up with such settings: masks belong to the addresses of their family in turn. */
export function settingsOf({ dhcp, addresses, subnets, gateways, dns }: IpInfo): IpConfig {
  if (dhcp) return { ...UNCONFIGURED, dhcp }
  const masks = subnets.filter((text) => parseIpv4(text) !== undefined)
  const prefixes = subnets.filter((text) => parseIpv4(text) === undefined).map((text) => text.replace('/', ''))
  const withPrefix = addresses.map((address) => {
    const v4 = parseIpv4(address)
    return `${address}/${v4 === undefined ? (prefixes.shift() ?? DEFAULT_PREFIX_6) : prefix4(v4, masks.shift())}`
  })
  return { addresses: withPrefix, gateways: [...gateways], dns: [...dns], dhcp }
}
