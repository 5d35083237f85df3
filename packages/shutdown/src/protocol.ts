import type { ShutdownAction } from '@vmbus/core'
import { struct, u32, utf16 } from '@vmbus/layout'
import { icVersion } from '@vmbus/ic'

export const SHUTDOWN_INTERFACE = '0e0b6031-5213-4934-818b-38d90ced39db'
export const SHUTDOWN_INSTANCE = 'b6650ff7-33bc-4840-8048-e0676786f393'

/** Body of a shutdown request. Linux include/linux/hyperv.h; the text is UTF-16, zero padded. */
export const shutdownMessage = struct(
  'shutdown_msg_data',
  { reason_code: u32, timeout_seconds: u32, flags: u32, display_message: utf16(1024) },
  { size: 2060 },
)

export const ShutdownFlags = { force: 1, restart: 2, hibernate: 4 } as const

/** SHTDN_REASON_FLAG_PLANNED of the Windows API. */
export const REASON_PLANNED = 0x80000000

/** First message versions of restart and hibernation (inferred; wire/06 §3). */
export const RESTART_SINCE: number = icVersion(3, 1)
export const HIBERNATE_SINCE: number = icVersion(3, 2)

export const SHUTDOWN_VERSIONS = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(3, 0), icVersion(3, 1), icVersion(3, 2)],
} as const

export type { ShutdownAction }
