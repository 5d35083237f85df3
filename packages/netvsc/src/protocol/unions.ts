import { at, bits, bytes, struct, u16, u32, u64, u8 } from '@vmbus/layout'
import {
  revokeReceiveBuffer,
  revokeSendBuffer,
  sendNdisConfig,
  sendNdisVersion,
  sendReceiveBuffer,
  sendReceiveBufferComplete,
  sendRndisPacket,
  sendRndisPacketComplete,
  sendSendBuffer,
  sendSendBufferComplete,
} from './nvsp.ts'
import { allocReceiveBuffer, allocReceiveBufferComplete, freeReceiveBuffer } from './trace-only.ts'

// Words and bodies with several readings, for decoders of traces: every reading overlaps the others.

/** What an NVSP 1 message may hold after its type. */
export const messageBodyV1 = struct('nvsp_1_message_uber', {
  send_ndis_ver: at(0, sendNdisVersion),
  send_recv_buf: at(0, sendReceiveBuffer),
  send_recv_buf_complete: at(0, sendReceiveBufferComplete),
  revoke_recv_buf: at(0, revokeReceiveBuffer),
  send_send_buf: at(0, sendSendBuffer),
  send_send_buf_complete: at(0, sendSendBufferComplete),
  revoke_send_buf: at(0, revokeSendBuffer),
  send_rndis_pkt: at(0, sendRndisPacket),
  send_rndis_pkt_complete: at(0, sendRndisPacketComplete),
})
export const messageBodyV2 = struct('nvsp_2_message_uber', {
  send_ndis_config: at(0, sendNdisConfig),
  alloc_rxbuf: at(0, allocReceiveBuffer),
  alloc_rxbuf_comp: at(0, allocReceiveBufferComplete),
  free_rxbuf: at(0, freeReceiveBuffer),
})

const provider = struct('prov', { prov_id: u32 })
const queue = struct('queue', { prov_id: u32, q_id: u16 })
export const packetDirectRequest = struct('nvsp_6_pd_api_req', {
  op: u32,
  config: at(4, struct('config', { mmio_pa: u64, mmio_len: u32, num_subchn: u16 })),
  sw_dpath: at(4, struct('sw_dpath', { host_dpath_is_pd: u8, guest_pd_enabled: u8 })),
  open_prov: at(4, struct('open_prov', { prov_id: u32, flag: u32 })),
  cls_prov: at(4, provider),
  cr_q: at(
    4,
    struct('cr_q', {
      prov_id: u32,
      q_id: u16,
      q_size: u16,
      is_recv_q: u8,
      is_rss_q: u8,
      recv_data_len: u32,
      affy: bytes(16),
    }),
  ),
  del_q: at(4, queue),
  flush_q: at(4, queue),
  alloc_com_buf: at(4, struct('alloc_com_buf', { len: u32, pf_node: u32, region_id: u16 })),
  free_com_buf: at(4, struct('free_com_buf', { len: u32, pa: u64, pf_node: u32, region_id: u16, cache_type: u8 })),
})
export const packetDirectComplete = struct('nvsp_6_pd_api_comp', {
  op: u32,
  status: u32,
  config: at(8, struct('config', { num_pd_q: u16, num_rss_q: u8, is_supported: u8, is_enabled: u8 })),
  open_prov: at(8, provider),
  cr_q: at(8, struct('cr_q', { prov_id: u32, q_id: u16, q_size: u16, recv_data_len: u32, affy: bytes(16) })),
  alloc_com_buf: at(8, struct('alloc_com_buf', { pa: u64, len: u32, pf_node: u32, region_id: u16, cache_type: u8 })),
})
export const messageBodyV6 = struct('nvsp_6_message_uber', {
  pd_req: at(0, packetDirectRequest),
  pd_comp: at(0, packetDirectComplete),
})

export const checksumInfo = struct('ndis_tcp_ip_checksum_info', {
  transmit: at(
    0,
    bits(u32, {
      is_ipv4: 1,
      is_ipv6: 1,
      tcp_checksum: 1,
      udp_checksum: 1,
      ip_header_checksum: 1,
      reserved: 11,
      tcp_header_offset: 10,
    }),
  ),
  receive: at(
    0,
    bits(u32, {
      tcp_checksum_failed: 1,
      udp_checksum_failed: 1,
      ip_checksum_failed: 1,
      tcp_checksum_succeeded: 1,
      udp_checksum_succeeded: 1,
      ip_checksum_succeeded: 1,
      loopback: 1,
      tcp_checksum_value_invalid: 1,
      ip_checksum_value_invalid: 1,
    }),
  ),
  value: at(0, u32),
})
export const lsoInfo = struct('ndis_tcp_lso_info', {
  transmit: at(0, bits(u32, { unused: 30, type: 1, reserved2: 1 })),
  lso_v1_transmit: at(0, bits(u32, { mss: 20, tcp_header_offset: 10, type: 1, reserved2: 1 })),
  lso_v1_transmit_complete: at(0, bits(u32, { tcp_payload: 30, type: 1, reserved2: 1 })),
  lso_v2_transmit: at(0, bits(u32, { mss: 20, tcp_header_offset: 10, type: 1, ip_version: 1 })),
  lso_v2_transmit_complete: at(0, bits(u32, { reserved: 30, type: 1, reserved2: 1 })),
  value: at(0, u32),
})
