import { array, bits, rest, struct, u32 } from '@vmbus/layout'

/** Message types (Linux include/linux/rndis.h). */
export const RndisType = {
  packet: 1,
  initialize: 2,
  halt: 3,
  query: 4,
  set: 5,
  reset: 6,
  indicate: 7,
  keepalive: 8,
  initializeComplete: 0x8000_0002,
  queryComplete: 0x8000_0004,
  setComplete: 0x8000_0005,
  resetComplete: 0x8000_0006,
  keepaliveComplete: 0x8000_0008,
} as const

/** Statuses (Linux include/linux/rndis.h; NDIS status values). */
export const RndisStatus = {
  success: 0,
  bufferOverflow: 0x8000_0005,
  failure: 0xc000_0001,
  notSupported: 0xc000_00bb,
  badVersion: 0xc001_0004,
  invalidLength: 0xc001_0014,
  invalidData: 0xc001_0015,
} as const

/** What INDICATE tells. */
export const Indication = {
  mediaConnect: 0x4001_000b,
  mediaDisconnect: 0x4001_000c,
  linkSpeedChange: 0x4001_0013,
  networkChange: 0x4001_0018,
  offloadCurrentConfig: 0x4002_0006,
} as const

/** Type and length of every message; offsets inside a body count from the body's first byte. */
export const RNDIS_HEADER = 8
/** Header and packet body. */
export const PACKET_HEADER = 44
/** Type and length, whole message included: the longest control message that is taken (OpenVMM: 100 KiB). */
export const MOST_CONTROL_BYTES = 100 * 1024

export const initializeRequest = struct('rndis_initialize_request', {
  req_id: u32,
  major_ver: u32,
  minor_ver: u32,
  max_xfer_size: u32,
})
export const initializeComplete = struct('rndis_initialize_complete', {
  req_id: u32,
  status: u32,
  major_ver: u32,
  minor_ver: u32,
  dev_flags: u32,
  medium: u32,
  max_pkt_per_msg: u32,
  max_xfer_size: u32,
  pkt_alignment_factor: u32,
  af_list_offset: u32,
  af_list_size: u32,
})
export const haltRequest = struct('rndis_halt_request', { req_id: u32 })
export const queryRequest = struct('rndis_query_request', {
  req_id: u32,
  oid: u32,
  info_buflen: u32,
  info_buf_offset: u32,
  dev_vc_handle: u32,
})
export const queryComplete = struct('rndis_query_complete', {
  req_id: u32,
  status: u32,
  info_buflen: u32,
  info_buf_offset: u32,
})
export const setRequest = struct('rndis_set_request', {
  req_id: u32,
  oid: u32,
  info_buflen: u32,
  info_buf_offset: u32,
  dev_vc_handle: u32,
  info_buf: rest,
})
/** The bytes of a SET's body before its information buffer. */
export const SET_BODY = 20
export const setComplete = struct('rndis_set_complete', { req_id: u32, status: u32 })
export const resetRequest = struct('rndis_reset_request', { reserved: u32 })
export const resetComplete = struct('rndis_reset_complete', { status: u32, addressing_reset: u32 })
export const indicateStatus = struct('rndis_indicate_status', {
  status: u32,
  status_buflen: u32,
  status_buf_offset: u32,
})
export const keepaliveRequest = struct('rndis_keepalive_request', { req_id: u32 })
export const keepaliveComplete = struct('rndis_keepalive_complete', { req_id: u32, status: u32 })
export const diagnosticInfo = struct('rndis_diagnostic_info', { diag_status: u32, error_offset: u32 })
export const packet = struct('rndis_packet', {
  data_offset: u32,
  data_len: u32,
  oob_data_offset: u32,
  oob_data_len: u32,
  num_oob_data_elements: u32,
  per_pkt_info_offset: u32,
  per_pkt_info_len: u32,
  vc_handle: u32,
  reserved: u32,
})
/** The largest control message of Linux: header and the largest body. */
export const rndisMessage = struct('rndis_message', { ndis_msg_type: u32, msg_len: u32, msg: array(u32, 11) })
export const perPacketInfo = struct('rndis_per_packet_info', {
  size: u32,
  type: bits(u32, { type: 31, internal: 1 }),
  ppi_offset: u32,
})
export const configParameterInfo = struct('rndis_config_parameter_info', {
  parameter_name_offset: u32,
  parameter_name_length: u32,
  parameter_type: u32,
  parameter_value_offset: u32,
  parameter_value_length: u32,
})
/** Types of a configuration parameter's value. */
export const ParameterType = { integer: 0, string: 2 } as const
