import { requestTable, type GuestDriverDeps } from '@vmbus/core'
import { checkOptions } from '@vmbus/world'
import { NVSP_VERSIONS } from '../protocol/nvsp.ts'
import {
  DEFAULT_CHANNELS,
  DEFAULT_FILTER,
  DEFAULT_MTU,
  MOST_CHANNELS,
  guestOptions,
  type NetvscGuestOptions,
} from './options.ts'
import { createReceiveBuffers } from './receive.ts'
import { createSendBuffers } from './send-buffers.ts'
import { noGuestState } from './state.ts'
import type { GuestContext, SentPacket } from './types.ts'

/** Transaction ids at first; the table grows. */
const FIRST_PACKETS = 64

export function createContext(options: NetvscGuestOptions, deps: GuestDriverDeps): GuestContext {
  checkOptions('netvsc.driver', guestOptions, options)
  const { versions = NVSP_VERSIONS, mtu = DEFAULT_MTU, filter = DEFAULT_FILTER } = options
  const channelLimit = Math.min(options.channels ?? Math.min(DEFAULT_CHANNELS, deps.vps), MOST_CHANNELS)
  return {
    deps,
    options,
    versions: versions.toSorted((a, b) => b - a),
    receiving: createReceiveBuffers(),
    sending: createSendBuffers(),
    sent: requestTable<SentPacket>(FIRST_PACKETS, { newestFirst: true, grows: true }),
    unusedRecords: [],
    state: { ...noGuestState(mtu, filter, channelLimit), coalesces: options.coalesces !== false },
    isReceiving: false,
    channels: [],
  }
}
