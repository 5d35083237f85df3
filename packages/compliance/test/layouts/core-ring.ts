import {
  gpaDirectHeader,
  gpaRange,
  hvRingBuffer,
  packetDescriptor,
  packetTrailer,
  pipeHeader,
  transferPageHeader,
  transferPageRange,
} from '@vmbus/core'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

const counted = 'ranges follow the header, as many as it counts'

export const entries: Entries = {
  ...byName(gpaRange, transferPageRange, packetTrailer),
  hv_ring_buffer: { layout: hvRingBuffer, rename: { pendingSendSize: 'pending_send_sz' } },
  vmpacket_descriptor: { layout: packetDescriptor, rename: { length8: 'len8', transactionId: 'trans_id' } },
  vmtransfer_page_packet_header: {
    layout: transferPageHeader,
    at: -16,
    rename: { setId: 'xfer_pageset_id', rangeCount: 'range_cnt' },
    except: { size: counted, ranges: counted },
  },
  vmdata_gpa_direct: {
    layout: gpaDirectHeader,
    at: -16,
    rename: { rangeCount: 'range_cnt' },
    except: { size: counted, range: counted },
  },
  vmbuspipe_hdr: { layout: pipeHeader, rename: { type: 'flags', dataLength: 'msgsize' } },
}
