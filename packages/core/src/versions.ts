import type { VmbusVersion } from './types.ts'

/**
 * Every VMBus version, as major << 16 | minor. Sources: Linux include/linux/hyperv.h (VERSION_WS2008 …
 * VERSION_WIN10_V5_3) and OpenVMM vmbus_core/src/protocol.rs (`Version::Copper`).
 */
export const Version = {
  /** Windows Server 2008. */
  v0_13: 0x0000_000d,
  /** 2008 R2. */
  v1_1: 0x0001_0001,
  /** 2012. */
  v2_4: 0x0002_0004,
  /** 2012 R2. */
  v3_0: 0x0003_0000,
  /** 2016. */
  v4_0: 0x0004_0000,
  /** RS3. */
  v4_1: 0x0004_0001,
  /** RS3. */
  v5_0: 0x0005_0000,
  /** RS4. */
  v5_1: 0x0005_0001,
  /** 2019. */
  v5_2: 0x0005_0002,
  /** 2022. */
  v5_3: 0x0005_0003,
  /** 2025. */
  v6_0: 0x0006_0000,
} as const

/** Oldest first. */
export const ALL_VERSIONS: readonly VmbusVersion[] = Object.values(Version)

/** `5.3` of 0x50003. */
export function versionName(version: VmbusVersion): string {
  return `${version >>> 16}.${version & 0xffff}`
}

/** Feature flags of version 6.0: the host answers with those of the guest's that it has (OpenVMM `FeatureFlags`). */
export const Feature = {
  guestSpecifiedSignalParameters: 0x01,
  channelInterruptRedirection: 0x02,
  modifyConnection: 0x04,
  clientId: 0x08,
  confidentialChannels: 0x10,
  pauseResume: 0x20,
  serverSpecifiedMonitorPages: 0x40,
  gpaPinning: 0x80,
} as const

/** Connection ids of a partition's VMBus ports (wire/01 §7). */
export const ConnectionId = {
  /** Control messages of versions below 5.0. */
  messages: 1,
  /** Signals together with the interrupt page, versions below 2.4. */
  events: 2,
  /** INITIATE_CONTACT of versions from 5.0 on; absent on hosts before RS3. */
  multiclient: 4,
} as const

/** OpenVMM's STATUS_UNSUCCESSFUL, the failure of OPENCHANNEL_RESULT, GPADL_CREATED and MODIFYCHANNEL_RESPONSE. */
export const STATUS_UNSUCCESSFUL = 0x8000_ffff
/** STATUS_CONNECTION_REFUSED: nobody listens for a TL_CONNECT_REQUEST. */
export const STATUS_CONNECTION_REFUSED = 0xc000_0236
/** Target of an OPENCHANNEL that wants no interrupts. */
export const NO_VP = 0xffff_ffff
/** Relids are 1 … 2047: flag 0 of the event page is reserved (Linux MAX_CHANNEL_RELIDS). */
export const MAX_RELID = 2047
/** Below 2.4 the interrupt page has room for 256 (FreeBSD VMBUS_CHAN_MAX_COMPAT). */
export const MAX_RELID_COMPAT = 255
/** `monitor_id` of a channel without one. */
export const NO_MONITOR = 0xff
