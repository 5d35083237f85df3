import {
  balloonRequest,
  balloonResponse,
  capabilities,
  capabilitiesResponse,
  dmHeader,
  hotAddRequest,
  hotAddRequestShort,
  hotAddResponse,
  hotRemoveRequest,
  hotRemoveResponse,
  infoMessage,
  maxPageCountInfo,
  statusReport,
  unballoonRequest,
  unballoonResponse,
  versionRequest,
  versionResponse,
} from '@vmbus/balloon/protocol'
import type { LayoutInfo } from '@vmbus/layout'
import type { Entries, Ours } from './entry.ts'

/** Linux nests the header. */
const nested = { type: 'hdr.type', size: 'hdr.size', transId: 'hdr.trans_id' } as const
const linux = (layout: LayoutInfo, rename: Readonly<Record<string, string>> = {}): Ours => ({
  layout,
  rename: { ...nested, ...rename },
})
/** QEMU's are laid out with the header in line. */
const inline = { transId: 'trans_id' } as const

export const entries: Entries = {
  dm_version: { sameAs: 'dm_version_request', at: 8, part: true },
  dm_caps: { sameAs: 'dm_capabilities', at: 8, part: true },
  dm_mem_page_range: { sameAs: 'dm_hot_add', at: 8, part: true },
  dm_header: { layout: dmHeader, rename: inline },
  dm_version_request: linux(versionRequest, { 'flags.isLastAttempt': 'is_last_attempt' }),
  dm_version_response: linux(versionResponse, { 'flags.isAccepted': 'is_accepted' }),
  dm_capabilities: linux(capabilities, {
    'caps.balloon': 'caps.cap_bits.balloon',
    'caps.hotAdd': 'caps.cap_bits.hot_add',
    'caps.hotAddAlignment': 'caps.cap_bits.hot_add_alignment',
    minPageCount: 'min_page_cnt',
    maxPageNumber: 'max_page_number',
  }),
  dm_capabilities_resp_msg: linux(capabilitiesResponse, { 'flags.isAccepted': 'is_accepted' }),
  dm_status: linux(statusReport, {
    available: 'num_avail',
    committed: 'num_committed',
    pageFileSize: 'page_file_size',
    zeroFree: 'zero_free',
    pageFileWrites: 'page_file_writes',
    ioDifference: 'io_diff',
  }),
  dm_balloon: linux(balloonRequest, { pages: 'num_pages', reserved: 'reservedz' }),
  dm_balloon_response: linux(balloonResponse, {
    reserved: 'reservedz',
    'flags.more': 'more_pages',
    'flags.rangeCount': 'range_count',
  }),
  dm_unballoon_request: linux(unballoonRequest, { 'flags.more': 'more_pages', rangeCount: 'range_count' }),
  dm_unballoon_response: linux(unballoonResponse),
  dm_hot_add: linux(hotAddRequestShort),
  dm_hot_add_response: linux(hotAddResponse, { pages: 'page_count' }),
  dm_info_header: { layout: maxPageCountInfo, part: true, rename: { dataSize: 'data_size' } },
  dm_info_msg: linux(infoMessage, { infoSize: 'info_size' }),
  dm_hot_add_with_region: { layout: hotAddRequest, rename: inline },
  qemu_dm_hot_remove: {
    layout: hotRemoveRequest,
    rename: {
      ...inline,
      virtualNode: 'virtual_node',
      pageCount: 'page_count',
      qos: 'qos_flags',
      reserved: 'reservedz',
    },
  },
  qemu_dm_hot_remove_response: {
    layout: hotRemoveResponse,
    rename: { ...inline, rangeCount: 'range_count', 'flags.more': 'more_pages' },
  },
}
