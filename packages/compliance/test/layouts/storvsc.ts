import {
  channelProperties,
  fcWwnPacket,
  notification,
  offerProperties,
  protocolVersion,
  vmscsiRequest,
  vstorPacket,
} from '@vmbus/storvsc/protocol'
import type { Entries } from './entry.ts'

export const entries: Entries = {
  vmscsi_request: { layout: vmscsiRequest, rename: { queueSortKey: 'queue_sort_ey' } },
  vmstorage_channel_properties: { layout: channelProperties, rename: { maxChannelCount: 'max_channel_cnt' } },
  vmstorage_protocol_version: { layout: protocolVersion },
  hv_fc_wwn_packet: { layout: fcWwnPacket },
  vstor_packet: {
    layout: vstorPacket,
    rename: {
      'request.queueSortKey': 'vm_srb.queue_sort_ey',
      'properties.maxChannelCount': 'storage_channel_properties.max_channel_cnt',
    },
  },
  'openvmm:storage.storvsp_protocol::OfferProperties': { layout: offerProperties },
  'openvmm:storage.storvsp_protocol::ScsiRequest': {
    layout: vmscsiRequest,
    rename: { senseInfoLength: 'sense_info_ex_length', reserved: 'properties', senseData: 'payload' },
  },
  'openvmm:storage.storvsp_protocol::NotificationPacket': { layout: notification },
}
