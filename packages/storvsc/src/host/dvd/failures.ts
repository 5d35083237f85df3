import { Asc, ScsiStatus, SenseKey, SrbStatus } from '../../protocol/index.ts'
import type { Failure } from '../command-result.ts'
import type { DvdState } from './state.ts'

// A drive refuses with SRB ERROR what a disk refuses with INVALID REQUEST (OpenVMM scsidvd, process_result).
const failure = (key: number, asc: number): Failure => ({
  scsiStatus: ScsiStatus.checkCondition,
  srbStatus: SrbStatus.error,
  sense: { key, asc },
})

export const DVD_INVALID_CDB: Failure = failure(SenseKey.illegalRequest, Asc.invalidFieldInCdb)
export const DVD_INVALID_OPCODE: Failure = failure(SenseKey.illegalRequest, Asc.invalidOpcode)
export const DVD_OUT_OF_RANGE: Failure = failure(SenseKey.illegalRequest, Asc.lbaOutOfRange)
export const DVD_SAVING: Failure = failure(SenseKey.illegalRequest, Asc.savingNotSupported)
export const DVD_INCOMPATIBLE: Failure = failure(SenseKey.illegalRequest, Asc.incompatibleMedium)
export const REMOVAL_PREVENTED: Failure = failure(SenseKey.illegalRequest, Asc.removalPrevented)
export const DVD_OVERRUN: Failure = { scsiStatus: ScsiStatus.checkCondition, srbStatus: SrbStatus.dataOverrun }
export const MEDIUM_CHANGED: Failure = failure(SenseKey.unitAttention, Asc.mediumChanged)

const NO_MEDIUM = failure(SenseKey.notReady, Asc.noMediumTrayClosed)
const TRAY_OPEN = failure(SenseKey.notReady, Asc.noMediumTrayOpen)
/** The drive has no medium to read. */
export const noMedium = ({ trayOpen }: DvdState): Failure => (trayOpen ? TRAY_OPEN : NO_MEDIUM)
