import type { NetvscGuestReject } from '../rejects.ts'
import type {
  GuestContext,
  GuestOffloads,
  GuestQueue,
  GuestStatistics,
  NetvscGuestState,
  QueueStatistics,
} from './types.ts'

export const noOffloads = (): GuestOffloads => ({
  tcpV4: false,
  udpV4: false,
  tcpV6: false,
  udpV6: false,
  lsoV4: 0,
  lsoV6: 0,
  rsc: false,
})

export const noGuestState = (mtu: number, filter: number, channelLimit: number): NetvscGuestState => ({
  phase: 'offered',
  step: '',
  version: 0,
  attempt: 0,
  mtu,
  mac: new Uint8Array(6),
  linkUp: false,
  linkSpeed: 0,
  filter: 0,
  wantedFilter: filter,
  receive: null,
  send: null,
  subAllocation: 0,
  sectionSize: 0,
  sections: [],
  mostPackets: 1,
  alignment: 1,
  subchannels: 0,
  requestedSubchannels: 0,
  queues: [],
  pages: [],
  controlPage: -1,
  control: { current: null, id: 0, waiting: [] },
  vf: null,
  dataPath: 0,
  sendTable: [],
  offload: noOffloads(),
  coalesces: true,
  channelLimit,
  hostChannels: 1,
  rss: { key: new Uint8Array(0), table: [], enabled: false, chosen: false },
  statistics: noGuestStatistics(),
  restart: false,
  failure: '',
  answerAt: Infinity,
})

export function diagnose(
  { deps }: Pick<GuestContext, 'deps'>,
  code: string,
  branch: NetvscGuestReject,
  message: string,
): void {
  deps.diagnose({ code, source: 'netvsc/guest', message, detail: { branch } })
}

export const noQueueStatistics = (): QueueStatistics => ({
  framesSent: 0,
  bytesSent: 0,
  framesReceived: 0,
  bytesReceived: 0,
})

export const noGuestStatistics = (): GuestStatistics => ({
  ...noQueueStatistics(),
  receiveErrors: 0,
  sendErrors: 0,
  aggregated: 0,
})

export const newGuestQueue = (): GuestQueue => ({
  ...noQueueStatistics(),
  open: true,
  outgoing: [],
  pendingCompletions: [],
  batch: { section: -1, used: 0, frames: 0, lastAt: 0 },
  blocked: false,
})

export function statisticsOf(queue: GuestQueue | null): QueueStatistics {
  const { framesSent, bytesSent, framesReceived, bytesReceived } = queue ?? noQueueStatistics()
  return { framesSent, bytesSent, framesReceived, bytesReceived }
}
