import type { Channel } from '@vmbus/core'
import { DataPath } from '../protocol/nvsp.ts'
import { DEFAULT_RSS_KEY } from '../protocol/toeplitz.ts'
import type { NetvscHostReject } from '../rejects.ts'
import { DEFAULT_FRAME_BYTES } from './options.ts'
import type { ConnectionState, NetvscStatistics, OffloadState, Checksums, OidTarget, Sender } from './types.ts'

export const noStatistics = (): NetvscStatistics => ({
  framesSent: 0,
  bytesSent: 0,
  framesReceived: 0,
  bytesReceived: 0,
  sendErrors: 0,
  receiveErrors: 0,
  noBuffer: 0,
  filtered: 0,
})

const noChecksums = (): Checksums => ({ ipv4: false, tcpV4: false, udpV4: false, tcpV6: false, udpV6: false })
const noOffload = (): OffloadState => ({
  transmit: noChecksums(),
  receive: noChecksums(),
  lsoV4: false,
  lsoV6: false,
  rscV4: false,
  rscV6: false,
})

export const noConnection = (mac: number): ConnectionState => ({
  version: 0,
  ndis: null,
  config: null,
  frameBytes: DEFAULT_FRAME_BYTES,
  receiveBuffer: null,
  sendBuffer: null,
  initialized: false,
  filter: 0,
  multicast: [],
  mac,
  offload: noOffload(),
  rss: { enabled: false, hashInfo: 0, key: DEFAULT_RSS_KEY.slice(), table: [] },
  subchannels: 0,
  tableSent: false,
  vfAnnounced: false,
  dataPath: 0,
  controls: [],
  queues: [],
  fragmentId: 0,
})

/** The cable is in, and the adapter is not on its way out. */
export const isLinkUp = ({ port, removeAt }: Pick<OidTarget, 'port' | 'removeAt'>): boolean =>
  port.linkUp && removeAt === Infinity

/** A guest is there, and has not broken its primary channel. */
export const isServed = ({ channels }: Sender): boolean => channels[0]?.isOpen === true

/** The guest's interface is up: it has set a packet filter. */
export const isUp = (ctx: Sender): boolean => ctx.connection.filter !== 0 && isServed(ctx)

export const openChannels = ({ channels }: Sender): number => channels.filter((channel) => channel?.isOpen).length

export const dataPathOf = ({ connection }: Sender): 'synthetic' | 'vf' =>
  connection.dataPath === DataPath.vf ? 'vf' : 'synthetic'

/** The guest broke the protocol: its channel is closed. */
export function violation(channel: Channel, branch: NetvscHostReject, what: string): void {
  channel.fail('VMBUS_NETVSC_PROTOCOL', what, branch)
}

export function diagnose({ deps }: Sender, code: string, message: string, detail: Record<string, number> = {}): void {
  deps.diagnose({ code, source: 'netvsc/host', message, detail })
}
