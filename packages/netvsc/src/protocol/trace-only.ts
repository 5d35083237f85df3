import { bits, bytes, struct, u16, u32, u64, u8 } from '@vmbus/layout'
import { objectHeader } from './ndis.ts'

// Structs that no driver sends: for decoders of traces only.

export const allocReceiveBuffer = struct('nvsp_2_alloc_rxbuf', { alloc_id: u32, len: u32 })
export const allocReceiveBufferComplete = struct('nvsp_2_alloc_rxbuf_comp', {
  status: u32,
  alloc_id: u32,
  gpadl_handle: u32,
  recv_buf_id: u64,
})
export const freeReceiveBuffer = struct('nvsp_2_free_rxbuf', { recv_buf_id: u64 })
export const packetDirectBuffer = struct('nvsp_6_pd_buf', {
  region_offset: u32,
  region_id: u16,
  is_partial: bits(u16, { is_partial: 1, reserved: 15 }),
})
export const coQueryRequest = struct('rcondis_mp_query_request', {
  req_id: u32,
  request_type: u32,
  oid: u32,
  dev_vc_handle: u32,
  info_buflen: u32,
  info_buf_offset: u32,
})
export const coSetRequest = struct('rcondis_mp_set_request', {
  req_id: u32,
  request_type: u32,
  oid: u32,
  dev_vc_handle: u32,
  info_buflen: u32,
  info_buf_offset: u32,
})
export const coAddressFamily = struct('rndis_co_address_family', {
  address_family: u32,
  major_ver: u32,
  minor_ver: u32,
})
export const outOfBandData = struct('rndis_oobd', { size: u32, type: u32, class_info_offset: u32 })
export const createVc = struct('rcondis_mp_create_vc', { req_id: u32, ndis_vc_handle: u32 })
export const createVcComplete = struct('rcondis_mp_create_vc_complete', {
  req_id: u32,
  dev_vc_handle: u32,
  status: u32,
})
export const deleteVc = struct('rcondis_mp_delete_vc', { req_id: u32, dev_vc_handle: u32 })
export const deleteVcComplete = struct('rcondis_mp_delete_vc_complete', { req_id: u32, status: u32 })
export const coIndicateStatus = struct('rcondis_indicate_status', {
  ndis_vc_handle: u32,
  status: u32,
  status_buflen: u32,
  status_buf_offset: u32,
})
export const flowSpec = struct('rndis_flowspec', {
  token_rate: u32,
  token_bucket_size: u32,
  peak_bandwidth: u32,
  latency: u32,
  delay_variation: u32,
  service_type: u32,
  max_sdu_size: u32,
  minimum_policed_size: u32,
})
export const friendlyName = struct('openvmm:net.netvsp.rndisprot::FriendlyName', { name: bytes(510), null: u16 })
export const nvspMessage = struct('nvsp_message', { hdr: u32, msg: bytes(36) })
export const packetDirectBatch = struct('nvsp_6_pd_batch_msg', {
  hdr: u32,
  count: u16,
  guest2host: bits(u16, { guest2host: 1, is_recv: 1, reserved: 14 }),
})
/** Revision 1 of the offload parameters. */
export const offloadParametersV1 = struct('openvmm:net.netvsp.rndisprot::NdisOffloadParameters', {
  header: objectHeader,
  ipv4_checksum: u8,
  tcp4_checksum: u8,
  udp4_checksum: u8,
  tcp6_checksum: u8,
  udp6_checksum: u8,
  lsov1: u8,
  ipsec_v1: u8,
  lsov2_ipv4: u8,
  lsov2_ipv6: u8,
  tcp_connection_ipv4: u8,
  tcp_connection_ipv6: u8,
  reserved: u8,
  flags: u32,
})
