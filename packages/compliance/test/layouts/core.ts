import { hvsockUserDefined, layouts, pipeUserDefined } from '@vmbus/core'
import type { LayoutInfo } from '@vmbus/layout'
import type { Entries, Ours } from './entry.ts'

type Rename = Readonly<Record<string, string>>

/** Linux nests the message header; structs laid out from OpenVMM's field lists have it in line. */
const nested: Rename = { msgtype: 'header.msgtype', padding: 'header.padding' }

const linux = (layout: LayoutInfo, rename: Rename = {}): Ours => ({ layout, rename: { ...nested, ...rename } })
const inline = (layout: LayoutInfo, rename: Rename = {}): Ours => ({ layout, rename })

const relid = { relid: 'child_relid' } as const
const open = {
  ...relid,
  openId: 'openid',
  ringGpadl: 'ringbuffer_gpadlhandle',
  targetVp: 'target_vp',
  downstreamOffset: 'downstream_ringbuffer_pageoffset',
  userData: 'userdata',
} as const
const contact = {
  version: 'vmbus_version_requested',
  targetVp: 'target_vcpu',
  parentToChildMonitor: 'monitor_page1',
  childToParentMonitor: 'monitor_page2',
} as const
const contactV5 = { ...contact, sint: 'msg_sint', vtl: 'msg_vtl', features: 'feature_flags' } as const
const response = { supported: 'version_supported', connectionState: 'connection_state' } as const
const responseV6 = {
  ...response,
  reserved: 'padding2',
  selected: 'selected_version_or_connection_id',
  features: 'supported_features',
} as const
const monitors = {
  parentToChildMonitor: 'parent_to_child_monitor_page_gpa',
  childToParentMonitor: 'child_to_parent_monitor_page_gpa',
} as const
const offer = {
  interfaceId: 'if_type',
  instanceId: 'if_instance',
  flags: 'chn_flags',
  mmioMegabytes: 'mmio_megabytes',
  subchannelIndex: 'sub_channel_index',
} as const

export const entries: Entries = {
  vmbus_channel_message_header: { layout: layouts.messageHeader },
  vmbus_channel_offer: {
    layout: layouts.offerChannel,
    at: 8,
    part: true,
    rename: { ...offer, userDefined: 'u.std.user_def', mmioMegabytesOptional: 'reserved3' },
  },
  vmbus_channel_offer_channel: linux(layouts.offerChannel, {
    ...relid,
    ...Object.fromEntries(Object.entries(offer).map(([ours, theirs]) => [ours, `offer.${theirs}`])),
    userDefined: 'offer.u.std.user_def',
    monitorId: 'monitorid',
    'monitor.allocated': 'monitor_allocated',
    'interrupt.dedicated': 'is_dedicated_interrupt',
    connectionId: 'connection_id',
  }),
  vmbus_channel_rescind_offer: linux(layouts.rescindChannelOffer, relid),
  vmbus_channel_open_channel: linux(layouts.openChannel, open),
  vmbus_open_channel_v6: inline(layouts.openChannelV6, {
    ...open,
    connectionId: 'connection_id',
    eventFlag: 'event_flag',
  }),
  vmbus_channel_open_result: linux(layouts.openChannelResult, { ...relid, openId: 'openid' }),
  vmbus_channel_close_channel: linux(layouts.closeChannel, relid),
  vmbus_channel_gpadl_header: linux(layouts.gpadlHeader, {
    ...relid,
    rangeBytes: 'range_buflen',
    rangeCount: 'rangecount',
  }),
  vmbus_channel_gpadl_body: linux(layouts.gpadlBody, { number: 'msgnumber' }),
  vmbus_channel_gpadl_created: linux(layouts.gpadlCreated, { ...relid, status: 'creation_status' }),
  vmbus_channel_gpadl_teardown: linux(layouts.gpadlTeardown, relid),
  vmbus_channel_gpadl_torndown: linux(layouts.gpadlTorndown),
  vmbus_channel_relid_released: linux(layouts.relidReleased, relid),
  vmbus_channel_initiate_contact: linux(layouts.initiateContact, { ...contact, interruptPage: 'interrupt_page' }),
  vmbus_initiate_contact_v5: inline(layouts.initiateContactV5, contactV5),
  vmbus_initiate_contact_v6: inline(layouts.initiateContactV6, { ...contactV5, clientId: 'client_id' }),
  vmbus_channel_version_response: linux(layouts.versionResponse, {
    ...response,
    reserved: 'padding',
    selected: 'msg_conn_id',
  }),
  vmbus_version_response_v6: inline(layouts.versionResponseV6, responseV6),
  vmbus_version_response_v6_monitor: inline(layouts.versionResponseV6Monitor, {
    ...responseV6,
    ...monitors,
    reserved2: 'padding3',
  }),
  vmbus_open_reserved_channel: inline(layouts.openReservedChannel, {
    relid: 'channel_id',
    targetVp: 'target_vp',
    targetSint: 'target_sint',
    ringGpadl: 'ring_buffer_gpadl',
    downstreamOffset: 'downstream_page_offset',
  }),
  vmbus_close_reserved_channel: inline(layouts.closeReservedChannel, {
    relid: 'channel_id',
    targetVp: 'target_vp',
    targetSint: 'target_sint',
  }),
  vmbus_close_reserved_channel_response: inline(layouts.closeReservedChannelResponse, { relid: 'channel_id' }),
  vmbus_channel_tl_connect_request: linux(layouts.tlConnectRequest, {
    endpointId: 'guest_endpoint_id',
    serviceId: 'host_service_id',
  }),
  vmbus_tl_connect_request_v5_2: inline(layouts.tlConnectRequestV52, {
    endpointId: 'guest_endpoint_id',
    serviceId: 'host_service_id',
    siloId: 'silo_id',
  }),
  vmbus_tl_connect_result: inline(layouts.tlConnectResult, { endpointId: 'endpoint_id', serviceId: 'service_id' }),
  vmbus_channel_modifychannel: linux(layouts.modifyChannel, { ...relid, targetVp: 'target_vp' }),
  vmbus_channel_modifychannel_response: linux(layouts.modifyChannelResponse, relid),
  vmbus_modify_connection: inline(layouts.modifyConnection, monitors),
  vmbus_modify_connection_response: inline(layouts.modifyConnectionResponse, { connectionState: 'connection_state' }),
  // Never sent by a host or guest that speaks one of the eleven versions; only their places are stated.
  vmbus_channel_query_vmbus_version: { sameAs: 'vmbus_channel_rescind_offer' },
  vmbus_channel_version_supported: { sameAs: 'vmbus_modify_connection_response' },
  'openvmm:vmbus.vmbus_core.protocol::PipeUserDefinedData': {
    sameAs: 'openvmm:vmbus.vmbus_core.protocol::PipeUserDefinedParameters',
    at: 4,
    part: true,
  },
  'openvmm:vmbus.vmbus_core.protocol::PipeUserDefinedParameters': inline(pipeUserDefined, {
    pipeType: 'pipe_type',
    userDefined: 'user_defined',
  }),
  'openvmm:vmbus.vmbus_core.protocol::HvsockUserDefinedParameters': inline(hvsockUserDefined, {
    pipeType: 'pipe_type',
    isForGuestAccept: 'is_for_guest_accept',
    isForGuestContainer: 'is_for_guest_container',
    siloId: 'silo_id',
  }),
}
