import { array, at, bytes, guid, struct, u32, u64, u8 } from '@vmbus/layout'
import { icVersion } from '@vmbus/ic'

export const VSS_INTERFACE = '35fa2e29-ea23-4236-96ae-3a6ebacba440'
export const VSS_INSTANCE = '2450ee40-33bf-4fbd-892e-9fb06e9214cf'

export const VSS_VERSIONS = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(4, 0), icVersion(5, 0), icVersion(6, 0), icVersion(7, 0)],
} as const

/** Linux include/linux/hyperv.h and OpenVMM hyperv_ic_protocol/src/vss.rs. */
export const VssOperation = {
  create: 0,
  delete: 1,
  checkHotBackup: 2,
  directMappedInfo: 3,
  backupComplete: 4,
  freeze: 5,
  thaw: 6,
  autoRecover: 7,
  queryCluster: 8,
} as const

/** First message version of freeze and thaw. Before it a guest makes and deletes snapshots of its own instead (inferred). */
export const FREEZE_SINCE: number = icVersion(5, 0)

/** The operations that put the guest's disks at rest and let them go on, by message version. */
export const quiesceOperations = (version: number): { readonly begin: number; readonly end: number } =>
  version >= FREEZE_SINCE
    ? { begin: VssOperation.freeze, end: VssOperation.thaw }
    : { begin: VssOperation.create, end: VssOperation.delete }

/** Answer to the capability check of a guest whose snapshots need no repair: Linux VSS_HBU_NO_AUTO_RECOVERY. */
export const NO_AUTO_RECOVERY = 5

export const vssHeader = struct('hv_vss_hdr', { operation: u8, reserved: bytes(7) }, { size: 8 })
export const vssFlags = struct('hv_vss_check_feature', { flags: u32 }, { size: 4 })
export const vssDirectMapped = struct('hv_vss_check_dm_info', { flags: u32 }, { size: 4 })

/** What Linux exchanges with its daemon; an answer has the error in the header's place. */
export const vssDeviceMessage = struct(
  'hv_vss_msg',
  { vss_hdr: vssHeader, error: at(0, u32), vss_cf: at(8, vssFlags), dm_info: at(8, vssDirectMapped) },
  { size: 12 },
)

export const vssCreate = struct('MessageCreate', { snapshot_set_id: guid }, { size: 16 })
export const vssCreateV2 = struct('MessageCreateV2', { snapshot_set_id: guid, backup_type: u32 }, { size: 20 })
export const vssDelete = struct('MessageDelete', { snapshot_set_id: guid }, { size: 16 })

/** A disk of the guest by its address. `bus_type` is the host's numbering. */
export const lunInfo = struct(
  'LunInfo',
  { bus_type: u8, reserved: bytes(3), controller: guid, port: u8, target: u8, lun: u8, reserved2: u8 },
  { size: 24 },
)
export const MAX_LUNS = 260

const luns = { header: vssHeader, backup_type: u32, flags: u32, lun_count: u32, luns: array(lunInfo, MAX_LUNS) }

/** FREEZE: the disks that the snapshot is of. */
export const vssFreeze = struct('Message2', luns, { size: 6260 })

/** AUTO_RECOVER. Longer than Linux's receive buffer, so it must not be sent to a guest that answered NO_AUTO_RECOVERY. */
export const vssAutoRecover = struct('Message2Ex', { ...luns, shadow_luns: array(lunInfo, MAX_LUNS) }, { size: 12_500 })

const cluster = {
  header: vssHeader,
  cluster_id: guid,
  cluster_size: u32,
  lun_count: u32,
  shared_luns: array(lunInfo, MAX_LUNS),
  shared_lun_status: array(u32, MAX_LUNS),
}

/** QUERY_CLUSTER of 6.0, and of 7.0 with the time of the last move. */
export const vssCluster = struct('Message3', cluster, { size: 7312 })
export const vssClusterV7 = struct('Message3Ex', { ...cluster, last_move_time: u64 }, { size: 7320 })

/** FreeBSD's message to its daemons, by ioctl (sys/dev/hyperv/utilities/hv_snapshot.h). */
export const freebsdVssMessage = struct(
  'freebsd_hv_vss_opt_msg',
  { opt: u32, status: u32, msgid: u64, reserved: bytes(48) },
  { size: 64 },
)
export const FreebsdVssOption = { check: 1, freeze: 2, thaw: 3 } as const

/** Body of every operation without lists as a host sends it (OpenVMM VssMessage); Linux reads the flags at 8 of it. */
export const SHORT_BODY = 39
export const FLAGS_OFFSET = 8

/** Bytes of body that a guest needs. */
export const MIN_BODY = 12

/** Seconds that Linux gives its daemon (drivers/hv/hv_snapshot.c): to freeze, which flushes first, and for the rest. */
export const FREEZE_SECONDS = 15 * 60
export const REPLY_SECONDS = 30
