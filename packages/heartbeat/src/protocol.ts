import { array, struct, u32, u64 } from '@vmbus/layout'
import { icVersion } from '@vmbus/ic'

export const HEARTBEAT_INTERFACE = '57164f39-9115-4e78-ab55-382f3bd5422d'
export const HEARTBEAT_INSTANCE = 'fd149e91-82e0-4a7d-afa6-2a4166cbd7c0'

/** Body of a heartbeat: the host counts, the guest answers with one more. Linux include/linux/hyperv.h. */
export const heartbeatMessage = struct('heartbeat_msg_data', { seq_num: u64, reserved: array(u32, 8) }, { size: 40 })

/** The application state that a guest may report in its answer, at body byte 8 (OpenVMM hyperv_ic_protocol, heartbeat.rs). */
export const ApplicationState = { unknown: 0, healthy: 1, critical: 2, stopped: 3 } as const

/** Where the application state stands in the body. */
export const APPLICATION_STATE_OFFSET = 8

/** Bytes of body that a guest needs: the sequence number. */
export const MIN_BODY = 8

/** The host beats every two seconds (wire/06 §4). */
export const BEAT_INTERVAL_MS = 2000

export const HEARTBEAT_VERSIONS = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(3, 0)],
} as const
