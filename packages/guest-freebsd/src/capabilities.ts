import type { VmbusVersion } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'

/** What the integration services of a release try, and how they behave. Versions are in the order in which they are tried. */
export interface Capabilities {
  readonly vmbus: readonly VmbusVersion[]
  /** `index`: decided by the place of what the host offers (sys/dev/hyperv/utilities/hv_util.c); `best`: vmbus_ic_negomsg. */
  readonly negotiation: 'index' | 'best'
  readonly heartbeat: IcVersions
  readonly timesync: IcVersions
  readonly shutdown: IcVersions
  readonly kvp: IcVersions | undefined
  /** So many message versions must be offered before the index rule takes 4.0. */
  readonly kvpFourFrom: number
  /** Seconds that the key-value daemon has; Infinity without a timer. */
  readonly kvpSeconds: number
  readonly vss: IcVersions | undefined
  /** `five-seconds`: any message steps the clock that is more than 5 whole seconds off; `threshold`: hw.hvtimesync. */
  readonly clockRule: 'five-seconds' | 'threshold'
  /** NVSP words. */
  readonly netvsc: readonly number[]
  /** NDIS 5.1 whatever NVSP is agreed on, or as the driver of NVSP has it: 6.30 from 5, 6.1 below. */
  readonly ndis: '5.1' | 'by-nvsp'
  readonly receiveBufferBytes: number
  readonly sendBufferBytes: number
  /** Pages of each ring, control page included. */
  readonly netRingPages: number
  /** Most channels of an adapter. */
  readonly netChannels: number
  readonly mtuMax: number
  readonly vf: 'none' | 'note' | 'transparent'
  /** The driver joins TCP segments to packets of so many bytes, by its channels (if_hn.c, HN_LRO_LENLIM_DEF and _MULTIRX_DEF). */
  readonly lro: { readonly oneChannel: number; readonly several: number } | undefined
  readonly tso: boolean
  readonly checksum: boolean
  readonly rss: boolean
  readonly rsc: 'none' | 'on' | 'off'
  /** pending_send_size in the rings: unknown to the driver, known and wrong, or right. */
  readonly pendingSendSize: 'none' | 'wrong' | 'right'
  /** VSTOR words. */
  readonly storvsc: readonly number[]
  /** `by-vmbus`: one version is tried, 5.1 on VMBus 2.4 and later and 4.2 before; `walk`: each in turn. */
  readonly storvscChoice: 'walk' | 'by-vmbus'
  readonly storvscRingPages: number
  /** Requests in flight. */
  readonly storvscDepth: number
  readonly storvscSubchannels: boolean
  readonly unmap: boolean
  /** ENUMERATE_BUS makes CAM look again. */
  readonly hotLun: boolean
  readonly post: 'ten' | 'eleven'
  /** Each service is a driver of its own, or all are `hyperv-utils`. */
  readonly serviceNames: 'one' | 'each'
  /** Drivers of devices that no host here has yet. */
  readonly keyboard: boolean
  readonly mouse: boolean
  readonly hvsock: boolean
  readonly pcib: readonly string[]
}
