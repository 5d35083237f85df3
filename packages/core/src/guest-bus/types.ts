import type { Partition } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers, TraceSink } from '@vmbus/world'
import type { GuestChannel, GuestDriver, GuestDriverSpec, PageAllocator, VmbusVersion } from '../types.ts'

/** How a guest repeats a HvPostMessage that failed. */
export interface PostPolicy {
  readonly tries: number
  /** 100 ns units before the second try; doubles `doublings` times, then stays. */
  readonly delay: number
  readonly doublings: number
  /** 100 ns units before each further try, in turn, where they do not double. */
  readonly pauses?: readonly number[]
  /** Any failure (FreeBSD), or only 0x0B, 0x12 and 0x13 (Linux). */
  readonly anyStatus: boolean
}

/** Linux drivers/hv/connection.c, `vmbus_post_msg`: 100 tries, 1 µs doubling until about 2.1 s. */
export const LINUX_POST: PostPolicy = { tries: 100, delay: 10, doublings: 21, anyStatus: false }
/** FreeBSD sys/dev/hyperv/vmbus/vmbus.c, `vmbus_msghc_exec_noresult`: 20 tries, 1 ms doubling to about 2 s. */
export const FREEBSD_POST: PostPolicy = { tries: 20, delay: 10_000, doublings: 11, anyStatus: true }
/** FreeBSD 10 and the port sys/dev/hyperv/vmbus/hv_connection.c, `hv_vmbus_post_message`: 8 tries in about 12 ms. */
export const FREEBSD_10_POST: PostPolicy = {
  ...FREEBSD_POST,
  tries: 8,
  pauses: [1000, 1000, 1000, 5000, 5000, 50_000, 50_000, 50_000],
}

/** What real driver generations choose differently. The default is a correct driver with the choices of Linux. */
export interface GuestBehaviour {
  /** HV_X64_MSR_GUEST_OS_ID. */
  readonly osId: bigint
  /** IDT vector of the VMBus interrupt: 0xF3 on Linux. */
  readonly vector: number
  /** The VP that makes contact and takes the host's messages. */
  readonly connectVp: number
  /** First GPADL id; they count up. */
  readonly gpadlStart: number
  readonly openId: 'relid' | 'counter'
  /**
   * A driver is shown a channel while its offer is handled, or by a task of its own, between which interrupts are
   * served: Linux drivers that prefer asynchronous probing (drivers/hv/hv_util.c, netvsc_drv.c, storvsc_drv.c).
   */
  readonly probing: 'at-once' | 'tasks'
  /** The interrupt page's address goes into contacts below this version, although it means something only below 2.4. */
  readonly interruptPageBelow: VmbusVersion
  /** UNLOAD is sent from this version on; below, the guest just leaves. */
  readonly unloadFrom: VmbusVersion
  /** Whether connection_state counts; Linux looks at version_supported alone. */
  readonly checksConnectionState: boolean
  /** A channel that was open when the host took it back is closed, before its relid is released. */
  readonly closesRescinded: boolean
  readonly post: PostPolicy
  /** Where a ring says that its end knows pending_send_size: both rings (Linux), the one it writes (FreeBSD from 13.0), none. */
  readonly featureBits: 'none' | 'out' | 'both'
  /** Feature flags asked for in version 6.0. */
  readonly features: number
  /** 100 ns units until a guest gives up waiting for UNLOAD_RESPONSE; Linux polls for 100 s. */
  readonly unloadTimeout: number
}

export interface GuestBusOptions {
  readonly partition: Partition
  /** Virtual processors that the guest uses, from 0; default all. */
  readonly vps?: number
  /** What the driver speaks, in the order in which it asks. */
  readonly versions: readonly VmbusVersion[]
  readonly drivers: readonly GuestDriverSpec[]
  /** Kinds of the drivers that are there from the start, default all; `load` brings the others. */
  readonly loaded?: readonly string[]
  readonly pages: PageAllocator
  readonly clock: Clock
  /** The bus's own timers; the owner calls `timer(name)` when one fires. */
  readonly timers: Timers
  readonly seed: Seed
  readonly behaviour?: Partial<GuestBehaviour>
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
}

export type GuestBusEvent =
  | { readonly kind: 'connected'; readonly version: VmbusVersion }
  /** No version in common, or the host stopped answering the hypercalls. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'unloaded' | 'suspended' | 'offers-delivered' }
  /** PAUSE was answered. */
  | { readonly kind: 'messages-paused' }
  /** MODIFY_CONNECTION was answered: 0 when the pages moved. */
  | { readonly kind: 'monitor-pages'; readonly status: number }
  | {
      readonly kind: 'offered' | 'rescinded'
      readonly interfaceId: string
      readonly instanceId: string
      readonly subchannelIndex: number
      readonly relid: number
      readonly driver: string | undefined
    }
  | { readonly kind: 'socket'; readonly endpointId: string; readonly serviceId: string; readonly status: number }
  /** What a driver told its owner. */
  | {
      readonly kind: 'driver'
      readonly driver: string
      readonly instanceId: string
      readonly name: string
      readonly detail: unknown
    }

/** A device that the host offers, as the guest sees it. */
export interface GuestDevice {
  readonly interfaceId: string
  readonly instanceId: string
  /** Undefined when no driver took it. */
  readonly driver: GuestDriver | undefined
  readonly kind: string | undefined
  /** Primary first. */
  readonly channels: readonly GuestChannel[]
}

export type GuestPhase =
  | 'off'
  | 'contacting'
  | 'requesting'
  | 'running'
  | 'suspending'
  | 'suspended'
  | 'unloading'
  | 'failed'

export interface GuestBus {
  readonly phase: GuestPhase
  /** Virtual processors that the guest uses, from 0. */
  readonly vps: number
  /** The version in force, 0 while there is none. */
  readonly version: VmbusVersion
  readonly features: number
  readonly devices: readonly GuestDevice[]
  /** Brings the SynIC up on every VP and makes contact. */
  start(): void
  /** An interrupt was delivered to a VP. Other vectors than the bus's are ignored. */
  interrupt(vp: number, vector: number): void
  /** A timer that this bus set has fired. */
  timer(name: string): void
  /** Loads drivers of the options, as one module brings them; devices that wait for one are probed in their order. */
  load(kinds: readonly string[]): void
  /** Leaves the host: every channel ends, and the SynIC goes down once the host has answered. */
  unload(): void
  /** Hibernation: closes every channel and unloads; the devices stay. */
  suspend(): void
  /** Makes contact again, with the version of before. Devices are recognised by their instance. */
  resume(): void
  /** TL_CONNECT_REQUEST (from 4.0): the host offers a channel, or refuses with a `socket` event (from 4.1). */
  connectSocket(endpointId: string, serviceId: string, siloId?: string): void
  /**
   * PAUSE (6.0 with feature 0x20): after its `messages-paused` event the host sends no message until `resumeMessages`, and what is asked of
   * it meanwhile is answered then. Both throw VMBUS_CHANNEL_STATE out of turn.
   */
  pauseMessages(): void
  /** RESUME. */
  resumeMessages(): void
  /** MODIFY_CONNECTION (6.0 with feature 0x04): new monitor pages; `monitor-pages` says how it ended. Throws VMBUS_CHANNEL_STATE. */
  moveMonitorPages(): void
  /** Returns the way to stop. */
  on(listener: (event: GuestBusEvent) => void): () => void
  save(): unknown
  /** Into a bus over the restored partition, memory and page allocator. Throws StateError (VMBUS_STATE_INVALID) and has touched nothing. */
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}
