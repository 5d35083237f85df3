import { array, at, bytes, pad, struct, u16, u32, u64, u8 } from '@vmbus/layout'

/** Room of a key and of a value in bytes, the terminating NUL included. Linux include/uapi/linux/hyperv.h. */
export const KEY_BYTES = 512
export const VALUE_BYTES = 2048

/** Operation and pool; the payload of the plain operations follows at 4, after two bytes of padding. */
export const kvpHeader = struct('hv_kvp_hdr', { operation: u8, pool: u8, pad: u16 }, { size: 4 })

/** A key with its value; sizes in bytes. Numbers overlay the start of the value. */
export const kvpValue = struct(
  'hv_kvp_exchg_msg_value',
  {
    value_type: u32,
    key_size: u32,
    value_size: u32,
    key: bytes(KEY_BYTES),
    value: bytes(VALUE_BYTES),
    value_u32: at(524, u32),
    value_u64: at(524, u64),
  },
  { size: 2572 },
)

/** GET and SET carry a key with its value. */
export const kvpGet = struct('hv_kvp_msg_get', { data: kvpValue }, { size: 2572 })

export const kvpDelete = struct('hv_kvp_msg_delete', { key_size: u32, key: bytes(KEY_BYTES) }, { size: 516 })

/** ENUMERATE asks by index and is answered with the key and value at it. */
export const kvpEnumerate = struct('hv_kvp_msg_enumerate', { index: u32, data: kvpValue }, { size: 2576 })

/** What Linux tells its daemon at registration: the version of the services as text. */
export const kvpRegister = struct('hv_kvp_register', { version: bytes(512) }, { size: 512 })

/** IP information as lists of text that semicolons separate (message versions below 5.0). */
export const kvpIpText = struct(
  'hv_kvp_ipaddr_value',
  {
    adapter_id: array(u16, 128),
    addr_family: u8,
    dhcp_enabled: u8,
    ip_addr: array(u16, 1024),
    sub_net: array(u16, 1024),
    gate_way: array(u16, 512),
    dns_addr: array(u16, 1024),
  },
  { size: 7426 },
)

/** On the wire the text form begins right after operation and pool, without padding. */
export const kvpIpMessage = struct('hv_kvp_ip_msg', { operation: u8, pool: u8, kvp_ip_val: kvpIpText }, { size: 7428 })

export const ipAddressV4 = struct('IpAddressV4', { '0': bytes(4) }, { size: 4 })
export const ipAddressV6 = struct('IpAddressV6', { '0': bytes(16) }, { size: 16 })

/** Entries that each list of the binary form has room for; OpenVMM hyperv_ic_protocol/src/kvp.rs. */
export const MAX_ADDRESSES = 64
export const MAX_GATEWAYS = 5
export const MAX_ORIGINS = 128

/** IP information in binary (from message version 5.0 on), at 4 like the plain payloads. Addresses in network byte order. */
export const kvpIpBinary = struct(
  'MessageIpAddressInfoBinary',
  {
    ipv4_address_count: u32,
    ipv6_address_count: u32,
    ipv4_gateway_count: u32,
    ipv6_gateway_count: u32,
    ipv4_dns_server_count: u32,
    ipv6_dns_server_count: u32,
    adapter_id: array(u16, 128),
    address_family: u8,
    dhcp_enabled: u8,
    padding: u16,
    ipv4_addresses: array(ipAddressV4, MAX_ADDRESSES),
    ipv6_addresses: array(ipAddressV6, MAX_ADDRESSES),
    ipv4_subnets: array(ipAddressV4, MAX_ADDRESSES),
    ipv6_subnets: array(u32, MAX_ADDRESSES),
    ipv4_gateways: array(ipAddressV4, MAX_GATEWAYS),
    ipv6_gateways: array(ipAddressV6, MAX_GATEWAYS),
    ipv4_dns_servers: array(ipAddressV4, MAX_ADDRESSES),
    ipv6_dns_servers: array(ipAddressV6, MAX_ADDRESSES),
    ip_address_origins: array(u16, MAX_ORIGINS),
  },
  { size: 3712 },
)

/** Body of a plain operation as a host sends it, always in full (OpenVMM KvpMessage). */
export const kvpBody = struct('KvpMessage', { operation: u8, pool: u8, data: bytes(2578) }, { size: 2580 })

/** Body of an IP operation as a host sends it, always in full (OpenVMM KvpMessage2). */
export const kvpIpBody = struct('KvpMessage2', { operation: u8, pool: u8, data: bytes(7426) }, { size: 7428 })

/** Linux's message to and from its daemon; an answer has the error in the header's place. */
export const kvpDeviceMessage = struct(
  'hv_kvp_msg',
  { header: kvpHeader, error: at(0, u32), _body: pad(7428) },
  { size: 7432 },
)

/** One record of a pool file of Linux and FreeBSD: NUL-padded UTF-8. */
export const poolRecord = struct(
  'kvp_pool_record',
  { key: bytes(KEY_BYTES), value: bytes(VALUE_BYTES) },
  { size: 2560 },
)

/** Where the payload stands in the body. */
export const PAYLOAD = 4
export const IP_TEXT_PAYLOAD = 2
