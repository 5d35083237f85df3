import type { Entries } from './entry.ts'

const inline = 'the driver keeps its ranges in line'

/** Structs of Linux that wrap or repeat another: no layout of ours has to exist twice. */
export const entries: Entries = {
  hv_kvp_msg_set: { sameAs: 'hv_kvp_msg_get' },
  hv_mpb_array: { sameAs: 'gpa_range' },
  vmpacket_header: { sameAs: 'vmpacket_descriptor', at: -4 },
  nvsp_message_init_uber: { sameAs: 'nvsp_message_init_complete' },
  nvsp_4_message_uber: { sameAs: 'nvsp_4_send_vf_association' },
  nvsp_5_message_uber: { sameAs: 'nvsp_5_subchannel_complete' },
  nvsp_all_messages: { sameAs: 'nvsp_message', at: 4 },
  rndis_message_container: { sameAs: 'rndis_message', at: 8 },
  dm_message: { sameAs: 'dm_header' },
  vmbus_channel_packet_page_buffer: { sameAs: 'vmdata_gpa_direct', except: { size: inline, range: inline } },
  vmbus_channel_packet_multipage_buffer: {
    sameAs: 'vmdata_gpa_direct',
    except: { size: inline, range: inline, 'range.len': inline, 'range.offset': inline, 'range.pfn_array': inline },
  },
  vmbus_packet_mpb_array: {
    sameAs: 'vmdata_gpa_direct',
    except: { range: inline, 'range.len': inline, 'range.offset': inline },
  },
}
