import { bytes, struct, u64, u8 } from '@vmbus/layout'
import { icVersion } from '@vmbus/ic'

export const TIMESYNC_INTERFACE = '9527e630-d0ae-497b-adce-e80ab0175caf'
export const TIMESYNC_INSTANCE = '2dd1ce17-079e-403c-b352-a1921ee207ee'

/** Before version 4. Times are FILETIMEs. Linux packs 25 bytes; hosts send three more (OpenVMM timesync.rs). */
export const timesyncData = struct(
  'ictimesync_data',
  { parenttime: u64, childtime: u64, roundtriptime: u64, flags: u8 },
  { size: 25 },
)

/** From version 4: the wall clock and the partition's reference time of the same instant. Hosts send 24 bytes. */
export const timesyncRefData = struct(
  'ictimesync_ref_data',
  { parenttime: u64, vmreferencetime: u64, flags: u8, leapflags: u8, stratum: u8, reserved: bytes(3) },
  { size: 22 },
)

/** Bytes of body that a host sends: the structures above padded to their alignment. */
export const HOST_BODY = { legacy: 28, reference: 24 } as const

/** `sync`: set the clock now. `sample`: a hint to discipline it. Neither: a probe. */
export const TimesyncFlags = { probe: 0, sync: 1, sample: 2 } as const

/** From this message version on the reference form is used. */
export const REFERENCE_FORM_SINCE: number = icVersion(4, 0)

/** Interval of samples (OpenVMM hyperv_ic, timesync device: five seconds). */
export const SAMPLE_INTERVAL_MS = 5000

/** A sample older than this is refused: Linux drivers/hv/hv_util.c, hv_get_adj_host_time. */
export const STALE_AFTER_SECONDS = 600

export const TIMESYNC_VERSIONS = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(3, 0), icVersion(4, 0)],
} as const
