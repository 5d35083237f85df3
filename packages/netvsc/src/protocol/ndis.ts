import { at, bits, struct, u16, u32, u64, u8 } from '@vmbus/layout'

/** Object types of the NDIS header (Windows SDK ntddndis.h). */
export const ObjectType = {
  default: 0x80,
  rssCapabilities: 0x88,
  rssParameters: 0x89,
  offload: 0xa7,
  offloadEncapsulation: 0xa8,
} as const

export const objectHeader = struct('ndis_object_header', { type: u8, revision: u8, size: u16 })

export const receiveScaleCap = struct('ndis_recv_scale_cap', {
  hdr: objectHeader,
  cap_flag: u32,
  num_int_msg: u32,
  num_recv_que: u32,
  num_indirect_tabent: u16,
})
export const RSS_CAPABILITIES_REVISION = 2
/** `cap_flag` (Windows SDK ntddndis.h, NDIS_RSS_CAPS_*). */
export const RssCap = { toeplitz: 1, tcpIpv4: 0x100, tcpIpv6: 0x200, tcpIpv6Ex: 0x400, udpIpv4: 0x800 } as const

export const receiveScaleParam = struct(
  'ndis_recv_scale_param',
  {
    hdr: objectHeader,
    flag: u16,
    base_cpu_number: u16,
    hashinfo: u32,
    indirect_tabsize: u16,
    _1: u16,
    indirect_taboffset: u32,
    hashkey_size: u16,
    _2: u16,
    hashkey_offset: u32,
    processor_masks_offset: u32,
    num_processor_masks: u32,
    processor_masks_entry_size: u32,
  },
  { size: 40 },
)
/** Flags of the RSS parameters: what a SET leaves as it is, and off. */
export const RssFlag = {
  baseCpuUnchanged: 1,
  hashInfoUnchanged: 2,
  tableUnchanged: 4,
  keyUnchanged: 8,
  disable: 0x10,
} as const
/** Hash function and types, the low bits of `hashinfo`. */
export const HashType = {
  toeplitz: 1,
  ipv4: 0x100,
  tcpIpv4: 0x200,
  ipv6: 0x400,
  ipv6Ex: 0x800,
  tcpIpv6: 0x1000,
  tcpIpv6Ex: 0x2000,
  udpIpv4: 0x4000,
  udpIpv6: 0x8000,
} as const
export const RSS_KEY_BYTES = 40
export const TABLE_ENTRIES = 128

export const checksumOffload = struct('ndis_csum_offload', {
  ip4_txenc: u32,
  ip4_txcsum: u32,
  ip4_rxenc: u32,
  ip4_rxcsum: u32,
  ip6_txenc: u32,
  ip6_txcsum: u32,
  ip6_rxenc: u32,
  ip6_rxcsum: u32,
})
export const lsov1Offload = struct('ndis_lsov1_offload', { encap: u32, maxsize: u32, minsegs: u32, opts: u32 })
export const ipsecv1Offload = struct('ndis_ipsecv1_offload', {
  encap: u32,
  ah_esp: u32,
  xport_tun: u32,
  ip4_opts: u32,
  flags: u32,
  ip4_ah: u32,
  ip4_esp: u32,
})
export const lsov2Offload = struct('ndis_lsov2_offload', {
  ip4_encap: u32,
  ip4_maxsz: u32,
  ip4_minsg: u32,
  ip6_encap: u32,
  ip6_maxsz: u32,
  ip6_minsg: u32,
  ip6_opts: u32,
})
export const ipsecv2Offload = struct('ndis_ipsecv2_offload', {
  encap: u32,
  ip6: u8,
  ip4opt: u8,
  ip6ext: u8,
  ah: u8,
  esp: u8,
  ah_esp: u8,
  xport: u8,
  tun: u8,
  xport_tun: u8,
  lso: u8,
  extseq: u8,
  _1: u8,
  udp_esp: u32,
  auth: u32,
  crypto: u32,
  sa_caps: u32,
})
export const rscOffload = struct('ndis_rsc_offload', { ip4: u8, ip6: u8 })
export const encapOffload = struct('ndis_encap_offload', { flags: u32, maxhdr: u32 })
export const offload = struct(
  'ndis_offload',
  {
    header: objectHeader,
    csum: checksumOffload,
    lsov1: lsov1Offload,
    ipsecv1: ipsecv1Offload,
    lsov2: lsov2Offload,
    flags: u32,
    ipsecv2: ipsecv2Offload,
    rsc: rscOffload,
    _1: u16,
    encap_gre: encapOffload,
  },
  { size: 156 },
)
/** Bytes of `ndis_offload` by revision: NDIS 6.0, 6.1, 6.30. */
export const OFFLOAD_SIZES: readonly number[] = [0, 112, 144, 156]
/** Checksum capabilities: IP options, TCP options, TCP, UDP, IPv4 header. */
export const ChecksumCap = { ipOptions: 1, tcpOptions: 4, tcp: 0x10, udp: 0x40, ipv4Header: 0x100 } as const
/** Encapsulation 802.3. */
export const ENCAPSULATION_8023 = 2
/** LSO v2 over IPv6: extension headers and TCP options. */
export const Lso6Cap = { extensionHeaders: 1, tcpOptions: 4 } as const

export const offloadParameters = struct(
  'ndis_offload_params',
  {
    header: objectHeader,
    ip_v4_csum: u8,
    tcp_ip_v4_csum: u8,
    udp_ip_v4_csum: u8,
    tcp_ip_v6_csum: u8,
    udp_ip_v6_csum: u8,
    lso_v1: u8,
    ip_sec_v1: u8,
    lso_v2_ipv4: u8,
    lso_v2_ipv6: u8,
    tcp_connection_ip_v4: u8,
    tcp_connection_ip_v6: u8,
    _1: u8,
    flags: u32,
    ip_sec_v2: u8,
    ip_sec_v2_ip_v4: u8,
    rsc_ip_v4: u8,
    rsc_ip_v6: u8,
    encapsulated_packet_task_offload: u8,
    encapsulation_types: u8,
    _2: u16,
  },
  { size: 28 },
)
/** Values of an offload parameter; 2 also turns LSO and RSC on. */
export const OffloadSetting = { noChange: 0, disabled: 1, transmit: 2, receive: 3, both: 4 } as const

export const linkState = struct(
  'openvmm:net.netvsp.rndisprot::LinkState',
  {
    header: objectHeader,
    media_connect_state: u32,
    media_duplex_state: u32,
    padding: u32,
    xmit_link_speed: u64,
    rcv_link_speed: u64,
    pause_functions: u32,
    auto_negotiation_flags: u32,
  },
  { size: 40 },
)
export const linkSpeed = struct('openvmm:net.netvsp.rndisprot::LinkSpeed', { xmit: u64, rcv: u64 })
export const offloadEncapsulation = struct('openvmm:net.netvsp.rndisprot::NdisOffloadEncapsulation', {
  header: objectHeader,
  ipv4_enabled: u32,
  ipv4_encapsulation_type: u32,
  ipv4_header_size: u32,
  ipv6_enabled: u32,
  ipv6_encapsulation_type: u32,
  ipv6_header_size: u32,
})
export const FRIENDLY_NAME_BYTES = 512

/** Data word of the tag's per-packet info. */
export const vlanInfo = struct('ndis_pkt_8021q_info', {
  bits: at(0, bits(u32, { pri: 3, cfi: 1, vlanid: 12, reserved: 16 })),
  value: at(0, u32),
})
