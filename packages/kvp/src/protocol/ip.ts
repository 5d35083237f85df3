import { ipv4Text, ipv6Text, isIpv6, parseIpv4, parseIpv6 } from './address.ts'
import { MAX_ADDRESSES, MAX_GATEWAYS, kvpIpBinary, kvpIpText } from './messages.ts'
import { readUtf16, utf16z } from './text.ts'

export const AddressFamily = { none: 0, ipv4: 1, ipv6: 2, both: 3 } as const
export type AddressFamilyName = keyof typeof AddressFamily

const familyName = (family: number): AddressFamilyName | undefined =>
  (Object.keys(AddressFamily) as AddressFamilyName[]).find((name) => AddressFamily[name] === family)

export const AddressOrigin = { unknown: 0, other: 1, static: 2 } as const
export type AddressOriginName = keyof typeof AddressOrigin

/**
 * The addresses of one adapter. `subnets` pairs with `addresses`: a dotted mask for IPv4, a prefix length for IPv6.
 * Addresses of both families stand in the order IPv4, IPv6 in the binary form.
 */
export interface IpInfo {
  /** Instance GUID of the synthetic adapter, in braces. */
  readonly adapterId: string
  readonly family: AddressFamilyName
  readonly dhcp: boolean
  readonly addresses: readonly string[]
  readonly subnets: readonly string[]
  readonly gateways: readonly string[]
  readonly dns: readonly string[]
  /** One for each address; only the binary form has them. */
  readonly origins?: readonly AddressOriginName[]
}

/** What a GET names; the rest of the message is zero. */
export interface IpQuery {
  readonly adapterId: string
  readonly family: AddressFamilyName
}

const ADAPTER_UNITS = 128
const TEXT = {
  addresses: ['ip_addr', 1024],
  subnets: ['sub_net', 1024],
  gateways: ['gate_way', 512],
  dns: ['dns_addr', 1024],
} as const
const LISTS = Object.keys(TEXT) as (keyof typeof TEXT)[]

const fits = (text: string, units: number): boolean => text.length < units && !text.includes('\0')

/** True when every list fits into its room of the text form. */
export const fitsText = (info: IpInfo): boolean =>
  fits(info.adapterId, ADAPTER_UNITS) &&
  LISTS.every((list) => info[list].every((entry) => !entry.includes(';')) && fits(info[list].join(';'), TEXT[list][1]))

const put = (view: DataView, at: number, text: string): void =>
  new Uint8Array(view.buffer, view.byteOffset + at).set(utf16z(text))

/** Clears the payload at `at` and writes what a GET names into it. */
export function writeIpQuery(view: DataView, at: number, { adapterId, family }: IpQuery, binary: boolean): void {
  const layout = binary ? kvpIpBinary : kvpIpText
  new Uint8Array(view.buffer, view.byteOffset + at, layout.size).fill(0)
  put(view, at + layout.offsets.adapter_id, adapterId)
  if (binary) kvpIpBinary.write.address_family(view, at, AddressFamily[family])
  else kvpIpText.write.addr_family(view, at, AddressFamily[family])
}

export function readIpQuery(view: DataView, at: number, binary: boolean): IpQuery | undefined {
  const layout = binary ? kvpIpBinary : kvpIpText
  const family = familyName(binary ? kvpIpBinary.read.address_family(view, at) : kvpIpText.read.addr_family(view, at))
  if (family === undefined) return undefined
  return { adapterId: readUtf16(view, at + layout.offsets.adapter_id, 2 * ADAPTER_UNITS), family }
}

/** The text form of information that `fitsText`. */
export function writeIpText(view: DataView, at: number, info: IpInfo): void {
  writeIpQuery(view, at, info, false)
  kvpIpText.write.dhcp_enabled(view, at, info.dhcp ? 1 : 0)
  for (const list of LISTS) put(view, at + kvpIpText.offsets[TEXT[list][0]], info[list].join(';'))
}

export function readIpText(view: DataView, at: number): IpInfo | undefined {
  const query = readIpQuery(view, at, false)
  if (query === undefined) return undefined
  const list = (name: keyof typeof TEXT): string[] => {
    const [field, units] = TEXT[name]
    // Linux ends each entry with a semicolon, Windows separates entries with it.
    const entries = readUtf16(view, at + kvpIpText.offsets[field], 2 * units).split(';')
    return entries.filter((entry) => entry !== '')
  }
  return {
    ...query,
    dhcp: kvpIpText.read.dhcp_enabled(view, at) !== 0,
    addresses: list('addresses'),
    subnets: list('subnets'),
    gateways: list('gateways'),
    dns: list('dns'),
  }
}

interface BinaryLists {
  readonly v4: readonly Uint8Array[]
  readonly v6: readonly Uint8Array[]
}

function byFamily(texts: readonly string[], room: number): BinaryLists | undefined {
  const v4 = texts.filter((text) => !isIpv6(text)).map(parseIpv4)
  const v6 = texts.filter(isIpv6).map(parseIpv6)
  if (v4.length > room || v6.length > room) return undefined
  const known = (bytes: Uint8Array | undefined): bytes is Uint8Array => bytes !== undefined
  return v4.every(known) && v6.every(known) ? { v4, v6 } : undefined
}

const entry = (bytes: Uint8Array): { '0': Uint8Array } => ({ '0': bytes })

/** The binary form: true, or false when something is no address or a list is too long. */
export function writeIpBinary(view: DataView, at: number, info: IpInfo): boolean {
  const addresses = byFamily(info.addresses, MAX_ADDRESSES)
  const gateways = byFamily(info.gateways, MAX_GATEWAYS)
  const dns = byFamily(info.dns, MAX_ADDRESSES)
  if (addresses === undefined || gateways === undefined || dns === undefined || !fits(info.adapterId, ADAPTER_UNITS))
    return false
  const pairs = info.addresses.map((text, i) => ({
    v6: isIpv6(text),
    subnet: info.subnets[i] ?? '',
    origin: info.origins?.[i] ?? 'unknown',
  }))
  const masks = pairs.filter(({ v6 }) => !v6).map(({ subnet }) => parseIpv4(subnet))
  const prefixes = pairs.filter(({ v6 }) => v6).map(({ subnet }) => (/^\d{1,3}$/.test(subnet) ? Number(subnet) : 129))
  if (masks.includes(undefined) || prefixes.some((prefix) => prefix > 128)) return false
  const value = kvpIpBinary.create({
    ipv4_address_count: addresses.v4.length,
    ipv6_address_count: addresses.v6.length,
    ipv4_gateway_count: gateways.v4.length,
    ipv6_gateway_count: gateways.v6.length,
    ipv4_dns_server_count: dns.v4.length,
    ipv6_dns_server_count: dns.v6.length,
    address_family: AddressFamily[info.family],
    dhcp_enabled: info.dhcp ? 1 : 0,
    ipv4_addresses: addresses.v4.map(entry),
    ipv6_addresses: addresses.v6.map(entry),
    ipv4_subnets: masks.map((mask) => entry(mask ?? new Uint8Array(4))),
    ipv6_subnets: prefixes,
    ipv4_gateways: gateways.v4.map(entry),
    ipv6_gateways: gateways.v6.map(entry),
    ipv4_dns_servers: dns.v4.map(entry),
    ipv6_dns_servers: dns.v6.map(entry),
    ip_address_origins: [...pairs.filter(({ v6 }) => !v6), ...pairs.filter(({ v6 }) => v6)].map(
      ({ origin }) => AddressOrigin[origin],
    ),
  })
  kvpIpBinary.encode(value, view, at)
  put(view, at + kvpIpBinary.offsets.adapter_id, info.adapterId)
  return true
}

const originName = (origin: number): AddressOriginName => (origin === 1 ? 'other' : origin === 2 ? 'static' : 'unknown')

/** Undefined when a count is beyond its room or the family is none. */
export function readIpBinary(view: DataView, at: number): IpInfo | undefined {
  const query = readIpQuery(view, at, true)
  const value = kvpIpBinary.decode(view, at)
  const v4 = value.ipv4_address_count
  const v6 = value.ipv6_address_count
  const counts = [v4, v6, value.ipv4_dns_server_count, value.ipv6_dns_server_count]
  if (query === undefined || counts.some((count) => count > MAX_ADDRESSES)) return undefined
  if (value.ipv4_gateway_count > MAX_GATEWAYS || value.ipv6_gateway_count > MAX_GATEWAYS) return undefined
  type Entries = readonly { readonly '0': Uint8Array }[]
  const texts = (fours: Entries, four: number, sixes: Entries, six: number): string[] => [
    ...fours.slice(0, four).map((address) => ipv4Text(address['0'])),
    ...sixes.slice(0, six).map((address) => ipv6Text(address['0'])),
  ]
  return {
    ...query,
    dhcp: value.dhcp_enabled !== 0,
    addresses: texts(value.ipv4_addresses, v4, value.ipv6_addresses, v6),
    subnets: [
      ...value.ipv4_subnets.slice(0, v4).map((mask) => ipv4Text(mask['0'])),
      ...value.ipv6_subnets.slice(0, v6).map(String),
    ],
    gateways: texts(value.ipv4_gateways, value.ipv4_gateway_count, value.ipv6_gateways, value.ipv6_gateway_count),
    dns: texts(
      value.ipv4_dns_servers,
      value.ipv4_dns_server_count,
      value.ipv6_dns_servers,
      value.ipv6_dns_server_count,
    ),
    origins: value.ip_address_origins.slice(0, v4 + v6).map(originName),
  }
}
