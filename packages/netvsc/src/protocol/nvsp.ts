import { at, bits, struct, u16, u32, u64 } from '@vmbus/layout'

/** Class of the synthetic network adapter (Linux include/linux/hyperv.h, HV_NIC_GUID). */
export const NETVSC_INTERFACE = 'f8615163-df3e-46c5-913f-f2d2f965ed0e'

/** Versions of NVSP as their wire words (Linux hyperv_net.h, NVSP_PROTOCOL_VERSION_*). There is no 3. */
export const NvspVersion = {
  v1: 0x0000_0002,
  v2: 0x0003_0002,
  v4: 0x0004_0000,
  v5: 0x0005_0000,
  v6: 0x0006_0000,
  v6_1: 0x0006_0001,
} as const

/** Every version, oldest first. */
export const NVSP_VERSIONS: readonly number[] = Object.values(NvspVersion)

const NAMES: Readonly<Record<number, string>> = {
  0x2: '1',
  0x3_0002: '2',
  0x4_0000: '4',
  0x5_0000: '5',
  0x6_0000: '6',
  0x6_0001: '6.1',
}

/** `6.1` for 0x60001. */
export const nvspVersionName = (version: number): string => NAMES[version] ?? `0x${version.toString(16)}`

/** Message types that are used (Linux hyperv_net.h, NVSP_MSG_*). */
export const NvspType = {
  init: 1,
  initComplete: 2,
  sendNdisVersion: 100,
  sendReceiveBuffer: 101,
  sendReceiveBufferComplete: 102,
  revokeReceiveBuffer: 103,
  sendSendBuffer: 104,
  sendSendBufferComplete: 105,
  revokeSendBuffer: 106,
  sendRndisPacket: 107,
  sendRndisPacketComplete: 108,
  sendNdisConfig: 125,
  sendVfAssociation: 128,
  switchDataPath: 129,
  oidQueryEx: 131,
  oidQueryExComplete: 132,
  subchannel: 133,
  sendIndirectionTable: 134,
} as const

/** Statuses (Linux hyperv_net.h, NVSP_STAT_*). */
export const NvspStatus = {
  none: 0,
  success: 1,
  fail: 2,
  tooNew: 3,
  tooOld: 4,
  invalidRndisPacket: 5,
  busy: 6,
  unsupported: 7,
} as const

export const SUBCHANNEL_ALLOCATE = 1
export const DataPath = { synthetic: 0, vf: 1 } as const
export const ChannelType = { data: 0, control: 1 } as const
/** A section index that says: nothing of this message is in the send buffer. */
export const NO_SECTION = 0xffff_ffff
/** The ids that Linux gives its buffers. FreeBSD and DPDK use 0xFACE for the send buffer. */
export const RECEIVE_BUFFER_ID = 0xcafe
export const SEND_BUFFER_ID = 0
/** Entries of the send-indirection table (Linux hyperv_net.h, VRSS_SEND_TAB_SIZE). */
export const SEND_TABLE_SIZE = 16
/** Ranges of one transfer page packet, below and from NDIS 6 on (Linux hyperv_net.h, NETVSC_RECEIVE_PACKET comments). */
export const MOST_RANGES = 375
export const MOST_RANGES_NDIS5 = 64
/** Bytes at the front of a message: its type. */
export const BODY = 4
/** Linux always sends the whole union; hosts send 32 bytes below 6.1 and 40 from it on (OpenVMM netvsp protocol.rs). */
export const MESSAGE_BYTES = 40
export const SHORT_MESSAGE_BYTES = 32

export const messageHeader = struct('nvsp_message_header', { msg_type: u32 })
export const init = struct('nvsp_message_init', { min_protocol_ver: u32, max_protocol_ver: u32 })
export const initComplete = struct('nvsp_message_init_complete', {
  negotiated_protocol_ver: u32,
  max_mdl_chain_len: u32,
  status: u32,
})
export const sendNdisVersion = struct('nvsp_1_message_send_ndis_version', { ndis_major_ver: u32, ndis_minor_ver: u32 })
export const sendReceiveBuffer = struct('nvsp_1_message_send_receive_buffer', { gpadl_handle: u32, id: u16 })
export const receiveBufferSection = struct('nvsp_1_receive_buffer_section', {
  offset: u32,
  sub_alloc_size: u32,
  num_sub_allocs: u32,
  end_offset: u32,
})
export const sendReceiveBufferComplete = struct('nvsp_1_message_send_receive_buffer_complete', {
  status: u32,
  num_sections: u32,
  sections: receiveBufferSection,
})
export const revokeReceiveBuffer = struct('nvsp_1_message_revoke_receive_buffer', { id: u16 })
export const sendSendBuffer = struct('nvsp_1_message_send_send_buffer', { gpadl_handle: u32, id: u16 })
export const sendSendBufferComplete = struct('nvsp_1_message_send_send_buffer_complete', {
  status: u32,
  section_size: u32,
})
export const revokeSendBuffer = struct('nvsp_1_message_revoke_send_buffer', { id: u16 })
export const sendRndisPacket = struct('nvsp_1_message_send_rndis_packet', {
  channel_type: u32,
  send_buf_section_index: u32,
  send_buf_section_size: u32,
})
export const sendRndisPacketComplete = struct('nvsp_1_message_send_rndis_packet_complete', { status: u32 })
export const capability = struct('nvsp_2_vsc_capability', {
  data: at(0, u64),
  bits: at(
    0,
    bits(u64, { vmq: 1, chimney: 1, sriov: 1, ieee8021q: 1, correlation_id: 1, teaming: 1, vsubnetid: 1, rsc: 1 }),
  ),
})
export const sendNdisConfig = struct('nvsp_2_send_ndis_config', { mtu: u32, reserved: u32, capability: u64 })
export const sendVfAssociation = struct('nvsp_4_send_vf_association', { allocated: u32, serial: u32 })
export const switchDataPath = struct('nvsp_4_sw_datapath', { active_datapath: u32 })
/** The whole message (OpenVMM netvsp protocol.rs, Message5OidQueryEx); no driver that is known sends it. */
export const oidQueryEx = struct('nvsp_5_oid_query_ex', { msg_type: u32, header: u32, oid: u32 })
export const oidQueryExComplete = struct('openvmm:net.netvsp.protocol::Message5OidQueryExComplete', {
  status: u32,
  bytes: u32,
})
export const subchannelRequest = struct('nvsp_5_subchannel_request', { op: u32, num_subchannels: u32 })
export const subchannelComplete = struct('nvsp_5_subchannel_complete', { status: u32, num_subchannels: u32 })
/** `offset` counts from the start of the message, its type included. */
export const sendIndirectionTable = struct('nvsp_5_send_indirect_table', { count: u32, offset: u32 })

/** Bits of NDIS_CONFIG's capability word. */
export const Capability = {
  vmq: 1,
  chimney: 2,
  sriov: 4,
  ieee8021q: 8,
  correlationId: 16,
  teaming: 32,
  virtualSubnet: 64,
  rsc: 128,
} as const
