import type { Frame } from '@vmbus/switch'
import {
  bytes,
  callable,
  checkOptions,
  flag,
  integer,
  list,
  object,
  optional,
  u16,
  u32,
  type Shape,
} from '@vmbus/world'
import { RSS_KEY_BYTES, TABLE_ENTRIES } from '../protocol/ndis.ts'
import { Filter } from '../protocol/oids.ts'

/** What came with a frame. Reused for the next one. */
export interface ReceivedInfo {
  /** Channel that it came on. */
  readonly queue: number
  /** The host's RSS hash, -1 without one. */
  readonly hash: number
  /** The host's checksum word (RxChecksum bits), 0 without one. */
  readonly checksum: number
  /** How many fragments the host had coalesced. */
  readonly fragments: number
}

/** A correct driver with the choices of Linux, unless told otherwise. */
export interface NetvscGuestOptions {
  /** NVSP words that the driver speaks; the newest that the host knows is used. */
  readonly versions?: readonly number[] | undefined
  /** Largest packet after the Ethernet header. Default 1500. */
  readonly mtu?: number | undefined
  /** Most channels, 1 … 64; default 8 or the number of processors. */
  readonly channels?: number | undefined
  /** Pages of each ring, control page included. Default 128 (Linux). */
  readonly ringPages?: number | undefined
  /** Default 16 MiB, at most 15 MiB below NVSP 4. */
  readonly receiveBufferBytes?: number | undefined
  /** Default 1 MiB. */
  readonly sendBufferBytes?: number | undefined
  /** Pages for sends that no section can take. Default 64. */
  readonly sendPages?: number | undefined
  /** Packet filter once the adapter is ready; 0 leaves the interface down. Default directed, all multicast, broadcast. */
  readonly filter?: number | undefined
  /** Receive coalescing, asked for from NVSP 6.1 on. Default true. */
  readonly rsc?: boolean | undefined
  /** Coalescing is on from the start, as far as `rsc` asks for it; `setCoalescing` changes it. Default true. */
  readonly coalesces?: boolean | undefined
  /** Checksums of TCP and UDP are left to the host. Without this, `lso` and `rsc` the host is asked for no offload. Default true. */
  readonly checksum?: boolean | undefined
  /** The host is to look at checksums of IPv4 headers as well, as FreeBSD has it (hn_rndis.c, hn_rndis_conf_offload). Default false. */
  readonly headerChecksum?: boolean | undefined
  /** Large TCP segments are left to the host to cut. Default true. */
  readonly lso?: boolean | undefined
  /** Single Root I/O Virtualisation, asked for from NVSP 5 on. Default true. */
  readonly sriov?: boolean | undefined
  /** Says that it can be teamed, from NVSP 5 on: Linux. Default true. */
  readonly teaming?: boolean | undefined
  /** NDIS version, whatever NVSP is agreed on. Default 6.30 from NVSP 5 on and 6.1 below it. */
  readonly ndis?: { readonly major: number; readonly minor: number } | undefined
  /** Id of the send buffer: 0 for Linux, 0xFACE for FreeBSD and DPDK. */
  readonly sendBufferId?: number | undefined
  /** Largest transfer that INITIALIZE names: 0x4000 for Linux, 2048 for FreeBSD. */
  readonly maxTransfer?: number | undefined
  /** One page in each range of a GPA-direct packet, as kernels before 6.1.192, FreeBSD and DPDK. Default false. */
  readonly pageRanges?: boolean | undefined
  /** Where an RNDIS request begins in its page. Default 0; Linux has it in a larger allocation (rndis_filter.c, get_rndis_request). */
  readonly requestOffset?: number | undefined
  /**
   * The transaction ids of answered setup messages are not given again, as Linux with its request ids does (from 5.11 on:
   * netvsc.c, netvsc_send_completion, gives back only those of RNDIS packets). Default false.
   */
  readonly keepsSetupIds?: boolean | undefined
  /** A frame arrived; its bytes are valid during the call. */
  readonly onFrame?: ((frame: Frame, info: ReceivedInfo) => void) | undefined
  /** There is room again after `send` said false. */
  readonly onWritable?: (() => void) | undefined
}

export const DEFAULT_FILTER = Filter.directed | Filter.allMulticast | Filter.broadcast
export const DEFAULT_MTU = 1500
export const DEFAULT_RING_PAGES = 128
export const DEFAULT_RECEIVE_BYTES = 16 << 20
export const LEGACY_RECEIVE_BYTES = 15 << 20
export const DEFAULT_SEND_BYTES = 1 << 20
export const DEFAULT_SEND_PAGES = 64
export const DEFAULT_CHANNELS = 8
export const MAX_TRANSFER = 0x4000
/** Largest packet that Linux takes from a netvsc channel (hyperv_net.h, NETVSC_MAX_PKT_SIZE). */
export const MAX_PACKET = 4624
/** A host may take 15 seconds for an answer (DPDK hn_nvs.c); twice that ends every wait. */
export const ANSWER_TICKS = 300_000_000
/** A host that completed nothing for a second while the driver leaves has left the channel: nothing more is waited for. */
export const DRAIN_TICKS = 10_000_000

/** What of receive side scaling changes: a key of 40 bytes, a table of 128 channels. */
export interface RssChange {
  readonly key?: Uint8Array | undefined
  readonly table?: readonly number[] | undefined
}

/** Throws OptionsError, also for a channel that is not there. */
export const checkRss = (change: RssChange, channels: number): RssChange =>
  checkOptions(
    'netvsc.setRss',
    object<RssChange>({
      key: optional(bytes(RSS_KEY_BYTES)),
      table: optional(list(integer(0, channels - 1), TABLE_ENTRIES, TABLE_ENTRIES)),
    }),
    change,
  )

/** Throws OptionsError. */
export const checkChannels = (value: number): number =>
  checkOptions('netvsc.setChannels', integer(1, MOST_CHANNELS), value)

/** IPv4 can run over the least (68), and with an Ethernet header the largest fits 64 KiB. */
const mtu = integer(68, 65_521)
/** Throws OptionsError. */
export const checkMtu = (value: number): number => checkOptions('netvsc.mtu', mtu, value)

export const MOST_CHANNELS = 64
const PAGE = 4096
/** A GPADL has 8190 pages at most; the smallest ring a control page and one more. */
const bufferBytes = integer(PAGE, 8190 * PAGE)

export const guestOptions: Shape<NetvscGuestOptions> = object<NetvscGuestOptions>({
  versions: optional(list(u32, 1)),
  mtu: optional(mtu),
  channels: optional(integer(1, MOST_CHANNELS)),
  ringPages: optional(integer(2, 4095)),
  receiveBufferBytes: optional(bufferBytes),
  sendBufferBytes: optional(bufferBytes),
  sendPages: optional(integer(0, 0xff_ffff)),
  filter: optional(u32),
  rsc: optional(flag),
  coalesces: optional(flag),
  checksum: optional(flag),
  headerChecksum: optional(flag),
  lso: optional(flag),
  sriov: optional(flag),
  teaming: optional(flag),
  ndis: optional(object({ major: u16, minor: u16 })),
  sendBufferId: optional(u16),
  maxTransfer: optional(u32),
  pageRanges: optional(flag),
  requestOffset: optional(integer(0, PAGE - 1)),
  keepsSetupIds: optional(flag),
  onFrame: optional(callable<(frame: Frame, info: ReceivedInfo) => void>()),
  onWritable: optional(callable<() => void>()),
})
