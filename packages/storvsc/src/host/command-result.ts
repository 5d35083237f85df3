import type { BlockStatus } from '@vmbus/disk'
import { Asc, ScsiStatus, SenseKey, SrbStatus, type Sense } from '../protocol/index.ts'

/** How a command failed. */
export interface Failure {
  readonly scsiStatus: number
  /** Without the autosense bit, which follows from `sense`. */
  readonly srbStatus: number
  readonly sense?: Sense | undefined
}

/** One call on a disk, as plain data: it may have to wait for the backend. Offsets and lengths are of the guest's buffer. */
export type Step =
  | { op: 'read' | 'write'; sector: number; offset: number; length: number }
  /** The buffer's first sector, `count` times. */
  | { op: 'same'; sector: number; count: number }
  | { op: 'discard' | 'zero'; sector: number; count: number }
  | { op: 'flush' }
  /** The sectors can be read, and are what the buffer holds from `offset` on: all of it, or one sector for each of them. */
  | { op: 'verify'; sector: number; count: number; compare: 'nothing' | 'all' | 'one'; offset: number }

/** What is left to do after the command was checked. */
export interface Plan {
  readonly steps: readonly Step[]
  /** Bytes to report when all went well. */
  transferred: number
}

/** Bytes transferred, what failed, or calls on the disk. A unit may reuse its plan with its next command. */
export type CommandResult = number | Failure | Plan

export const isPlan = (result: Failure | Plan): result is Plan => 'steps' in result

const check = (srbStatus: number, key: number, asc: number): Failure => ({
  scsiStatus: ScsiStatus.checkCondition,
  srbStatus,
  sense: { key, asc },
})

/** A request that the disk refuses as it stands: SRB INVALID_REQUEST (OpenVMM scsidisk, process_result). */
export const illegalRequest = (asc: number): Failure => check(SrbStatus.invalidRequest, SenseKey.illegalRequest, asc)

export const INVALID_OPCODE: Failure = illegalRequest(Asc.invalidOpcode)
export const INVALID_CDB: Failure = illegalRequest(Asc.invalidFieldInCdb)
export const LBA_OUT_OF_RANGE: Failure = illegalRequest(Asc.lbaOutOfRange)
export const PARAMETER_LIST_LENGTH: Failure = illegalRequest(Asc.parameterListLength)
export const INVALID_PARAMETER: Failure = illegalRequest(Asc.invalidFieldInParameterList)
/** Guest pages that are not in RAM, or that the request did not offer for this direction. */
export const MEMORY_ACCESS: Failure = INVALID_CDB
export const DATA_OVERRUN: Failure = check(SrbStatus.dataOverrun, SenseKey.illegalRequest, Asc.invalidFieldInCdb)
export const WRITE_PROTECTED: Failure = check(SrbStatus.error, SenseKey.dataProtect, Asc.writeProtected)
export const SAVING_NOT_SUPPORTED: Failure = illegalRequest(Asc.savingNotSupported)
/** Ended by a PREEMPT AND ABORT of another guest. */
export const TASK_ABORTED: Failure = { scsiStatus: ScsiStatus.taskAborted, srbStatus: SrbStatus.aborted }
/** A change that the guest has to know of: the command was not carried out, and is to be sent again. */
export const unitAttention = (asc: number): Failure => check(SrbStatus.error, SenseKey.unitAttention, asc)
export const RESERVATION_CONFLICT: Failure = { scsiStatus: ScsiStatus.reservationConflict, srbStatus: SrbStatus.error }
/** Nothing at this address; Linux takes the LUN away. */
export const INVALID_LUN: Failure = { scsiStatus: ScsiStatus.checkCondition, srbStatus: SrbStatus.invalidLun }

/** How a step ended: as the disk says, or `memory` for guest pages that are not in RAM, or other data than the guest's. */
export type StepStatus = BlockStatus | 'memory' | 'miscompare'

/** What a disk's answer looks like to the guest (OpenVMM scsidisk, process_result; a full store as in SBC-3 4.7.3.6). */
export const FAILURE_OF: Readonly<Record<Exclude<StepStatus, 'ok'>, Failure>> = {
  memory: MEMORY_ACCESS,
  miscompare: check(SrbStatus.error, SenseKey.miscompare, Asc.miscompare),
  'out-of-range': check(SrbStatus.error, SenseKey.illegalRequest, Asc.lbaOutOfRange),
  'read-only': WRITE_PROTECTED,
  'medium-error': check(SrbStatus.error, SenseKey.mediumError, Asc.none),
  'no-space': check(SrbStatus.error, SenseKey.dataProtect, Asc.spaceAllocationFailed),
}
