import { array, bits, bytes, guid, rest, rounded, struct, u16, u32, u64n, u8 } from '@vmbus/layout'

/** Every message begins so; the second word is sent as 0 and not read. */
const header = { msgtype: u32, padding: u32 } as const
/** A guest physical address or frame number: exact up to 2^53, beyond that as good as any other outside of RAM. */
const gpa = rounded(u64n)

export const messageHeader = struct('vmbus_channel_message_header', header)
/** REQUESTOFFERS, ALLOFFERS_DELIVERED, UNLOAD and its response, PAUSE, PAUSE_RESPONSE, RESUME. */
export const bare = messageHeader

/** Versions below 5.0. */
export const initiateContact = struct('vmbus_channel_initiate_contact', {
  ...header,
  version: u32,
  targetVp: u32,
  interruptPage: gpa,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
})
/** Versions 5.0 to 5.3; `vtl` means something from 5.1 on. */
export const initiateContactV5 = struct('vmbus_initiate_contact_v5', {
  ...header,
  version: u32,
  targetVp: u32,
  sint: u8,
  vtl: u8,
  reserved: u16,
  features: u32,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
})
/** Version 6.0 when feature 0x08 is asked for; else as 5.x, 40 bytes. */
export const initiateContactV6 = struct('vmbus_initiate_contact_v6', {
  ...header,
  version: u32,
  targetVp: u32,
  sint: u8,
  vtl: u8,
  reserved: u16,
  features: u32,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
  clientId: guid,
})

/** `selected` is the version below 5.0, the connection id for later messages from 5.0 on. */
export const versionResponse = struct('vmbus_channel_version_response', {
  ...header,
  supported: u8,
  connectionState: u8,
  reserved: u16,
  selected: u32,
})
export const versionResponseV6 = struct('vmbus_version_response_v6', {
  ...header,
  supported: u8,
  connectionState: u8,
  reserved: u16,
  selected: u32,
  features: u32,
})
export const versionResponseV6Monitor = struct('vmbus_version_response_v6_monitor', {
  ...header,
  supported: u8,
  connectionState: u8,
  reserved: u16,
  selected: u32,
  features: u32,
  reserved2: u32,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
})

/** `reserved1`: latency, revision and server context to FreeBSD and DPDK. */
export const offerChannel = struct('vmbus_channel_offer_channel', {
  ...header,
  interfaceId: guid,
  instanceId: guid,
  reserved1: array(u32, 4),
  flags: u16,
  mmioMegabytes: u16,
  userDefined: bytes(120),
  subchannelIndex: u16,
  mmioMegabytesOptional: u16,
  relid: u32,
  monitorId: u8,
  monitor: bits(u8, { allocated: 1, _reserved: 7 }),
  interrupt: bits(u16, { dedicated: 1, _reserved: 15 }),
  connectionId: u32,
})
export const rescindChannelOffer = struct('vmbus_channel_rescind_offer', { ...header, relid: u32 })

const open = {
  ...header,
  relid: u32,
  openId: u32,
  ringGpadl: u32,
  targetVp: u32,
  downstreamOffset: u32,
  userData: bytes(120),
} as const
export const openChannel = struct('vmbus_channel_open_channel', open)
/** Version 6.0 with guest-specified signal parameters or interrupt redirection. */
export const openChannelV6 = struct('vmbus_open_channel_v6', {
  ...open,
  connectionId: u32,
  eventFlag: u16,
  flags: bits(u16, { redirectInterrupt: 1, _reserved: 15 }),
})
export const openChannelResult = struct('vmbus_channel_open_result', {
  ...header,
  relid: u32,
  openId: u32,
  status: u32,
})
export const closeChannel = struct('vmbus_channel_close_channel', { ...header, relid: u32 })

/** `ranges`: byte_count u32, byte_offset u32, pfn u64[] of each range, as far as they fit; bodies continue. */
export const gpadlHeader = struct('vmbus_channel_gpadl_header', {
  ...header,
  relid: u32,
  gpadl: u32,
  rangeBytes: u16,
  rangeCount: u16,
  ranges: rest,
})
/** `number` stays 0 in Linux and FreeBSD: not an order. */
export const gpadlBody = struct('vmbus_channel_gpadl_body', { ...header, number: u32, gpadl: u32, ranges: rest })
export const gpadlCreated = struct('vmbus_channel_gpadl_created', { ...header, relid: u32, gpadl: u32, status: u32 })
export const gpadlTeardown = struct('vmbus_channel_gpadl_teardown', { ...header, relid: u32, gpadl: u32 })
export const gpadlTorndown = struct('vmbus_channel_gpadl_torndown', { ...header, gpadl: u32 })
export const relidReleased = struct('vmbus_channel_relid_released', { ...header, relid: u32 })

export const openReservedChannel = struct('vmbus_open_reserved_channel', {
  ...header,
  relid: u32,
  targetVp: u32,
  targetSint: u32,
  ringGpadl: u32,
  downstreamOffset: u32,
})
export const closeReservedChannel = struct('vmbus_close_reserved_channel', {
  ...header,
  relid: u32,
  targetVp: u32,
  targetSint: u32,
})
export const closeReservedChannelResponse = struct('vmbus_close_reserved_channel_response', { ...header, relid: u32 })

export const tlConnectRequest = struct('vmbus_channel_tl_connect_request', {
  ...header,
  endpointId: guid,
  serviceId: guid,
})
/** From 5.2 on. */
export const tlConnectRequestV52 = struct('vmbus_tl_connect_request_v5_2', {
  ...header,
  endpointId: guid,
  serviceId: guid,
  siloId: guid,
})
export const tlConnectResult = struct('vmbus_tl_connect_result', {
  ...header,
  endpointId: guid,
  serviceId: guid,
  status: u32,
})

export const modifyChannel = struct('vmbus_channel_modifychannel', { ...header, relid: u32, targetVp: u32 })
export const modifyChannelResponse = struct('vmbus_channel_modifychannel_response', {
  ...header,
  relid: u32,
  status: u32,
})

export const modifyConnection = struct('vmbus_modify_connection', {
  ...header,
  parentToChildMonitor: gpa,
  childToParentMonitor: gpa,
})
export const modifyConnectionResponse = struct('vmbus_modify_connection_response', { ...header, connectionState: u8 })
