import type { Frame } from '@vmbus/switch'
import { NetvscError } from '../errors.ts'
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
  readonly versions?: readonly number[]
  /** Largest packet after the Ethernet header. Default 1500. */
  readonly mtu?: number
  /** Most channels, 1 … 64; default 8 or the number of processors. */
  readonly channels?: number
  /** Pages of each ring, control page included. Default 128 (Linux). */
  readonly ringPages?: number
  /** Default 16 MiB, at most 15 MiB below NVSP 4. */
  readonly receiveBufferBytes?: number
  /** Default 1 MiB. */
  readonly sendBufferBytes?: number
  /** Pages for sends that no section can take. Default 64. */
  readonly sendPages?: number
  /** Packet filter once the adapter is ready; 0 leaves the interface down. Default directed, all multicast, broadcast. */
  readonly filter?: number
  /** Receive coalescing, asked for from NVSP 6.1 on. Default true. */
  readonly rsc?: boolean
  /** Single Root I/O Virtualisation, asked for from NVSP 5 on. Default true. */
  readonly sriov?: boolean
  /** Id of the send buffer: 0 for Linux, 0xFACE for FreeBSD and DPDK. */
  readonly sendBufferId?: number
  /** Largest transfer that INITIALIZE names: 0x4000 for Linux, 2048 for FreeBSD. */
  readonly maxTransfer?: number
  /** One page in each range of a GPA-direct packet, as kernels before 6.1.192, FreeBSD and DPDK. Default false. */
  readonly pageRanges?: boolean
  /** Where an RNDIS request begins in its page. Default 0; Linux has it in a larger allocation (rndis_filter.c, get_rndis_request). */
  readonly requestOffset?: number
  /**
   * The transaction ids of answered setup messages are not given again, as Linux with its request ids does (from 5.11 on:
   * netvsc.c, netvsc_send_completion, gives back only those of RNDIS packets). Default false.
   */
  readonly keepsSetupIds?: boolean
  /** A frame arrived; its bytes are valid during the call. */
  onFrame?(frame: Frame, info: ReceivedInfo): void
  /** There is room again after `send` said false. */
  onWritable?(): void
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

/** Throws VMBUS_NETVSC_OPTION unless IPv4 can run over it (68) and an Ethernet header still fits 64 KiB. */
export function checkMtu(mtu: number): number {
  if (Number.isInteger(mtu) && mtu >= 68 && mtu <= 65_521) return mtu
  throw new NetvscError('VMBUS_NETVSC_OPTION', { field: 'mtu', value: mtu, allowed: '68 … 65521' })
}
