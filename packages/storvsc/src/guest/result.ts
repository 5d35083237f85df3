import {
  Op,
  SENSE_BYTES,
  SRB_AUTOSENSE_VALID,
  ScsiStatus,
  SrbStatus,
  readSense,
  srbCode,
  vmscsiRequest,
  type Sense,
} from '../protocol/index.ts'
import type { StorvscBehaviour } from './behaviour.ts'

/**
 * How a request ended.
 *
 * - `good`: done, `transferred` bytes of it
 * - `check-condition`: refused or failed, `sense` says why
 * - `busy`, `reservation-conflict`: as the SCSI status says
 * - `overrun`: the host had more or less to say than the buffer holds
 * - `no-connect`: there is no such logical unit (any more)
 * - `passthrough`: an ATA command that the host does not pass on
 * - `aborted`: its channel was closed, or the driver is being stopped; it may be done or not
 * - `gone`: the controller was taken away
 * - `refused`: never sent, because this host's version cannot take it
 * - `error`: anything else
 */
export type RequestOutcome = (typeof OUTCOMES)[number]

export const OUTCOMES = [
  'good',
  'check-condition',
  'busy',
  'reservation-conflict',
  'overrun',
  'no-connect',
  'passthrough',
  'aborted',
  'gone',
  'refused',
  'error',
] as const

export interface RequestResult {
  readonly outcome: RequestOutcome
  /** Raw statuses of the host; 0 where it did not answer. */
  readonly srbStatus: number
  readonly scsiStatus: number
  readonly transferred: number
  readonly sense?: Sense | undefined
}

/** A request that ended without an answer. */
export const unanswered = (outcome: RequestOutcome): RequestResult => ({
  outcome,
  srbStatus: 0,
  scsiStatus: 0,
  transferred: 0,
})

const at = vmscsiRequest.offsets
const CAPACITY_CHANGED = 0x2a09
const TARGET_CHANGED = 0x3f
/** Microcode was changed, and reported LUNs have changed: nothing to look at in this unit. */
const NOT_THIS_UNIT = [0x03, 0x0e]

/** The unit has to be looked at again, and the request sent again (Linux storvsc_drv.c, storvsc_handle_error). */
export function unitChanged({ srbStatus, sense }: RequestResult): boolean {
  const code = srbCode(srbStatus)
  if (
    sense === undefined ||
    (code !== SrbStatus.aborted && code !== SrbStatus.error && code !== SrbStatus.invalidRequest)
  )
    return false
  return (
    sense.asc === CAPACITY_CHANGED || (sense.asc >>> 8 === TARGET_CHANGED && !NOT_THIS_UNIT.includes(sense.asc & 0xff))
  )
}

/** Decodes the request in a completion; total over every byte that a host can send. `offset` is that of the request. */
export function resultOf(
  view: DataView,
  offset: number,
  opcode: number,
  requested: number,
  behaviour: StorvscBehaviour,
): RequestResult {
  let srbStatus = view.getUint8(offset + at.srbStatus)
  let scsiStatus = view.getUint8(offset + at.scsiStatus)
  if (behaviour.forcedSuccess.includes(opcode)) {
    srbStatus = SrbStatus.success
    scsiStatus = ScsiStatus.good
  }
  const counts = behaviour.rawOverrun
    ? srbStatus === SrbStatus.success || srbStatus === SrbStatus.dataOverrun
    : srbCode(srbStatus) === SrbStatus.success || srbCode(srbStatus) === SrbStatus.dataOverrun
  const transferred = counts ? Math.min(view.getUint32(offset + at.dataTransferLength, true), requested) : 0
  const sense =
    scsiStatus === ScsiStatus.checkCondition && (srbStatus & SRB_AUTOSENSE_VALID) !== 0
      ? senseAt(view, offset)
      : undefined
  const result = {
    srbStatus,
    scsiStatus,
    transferred,
    outcome: outcomeOf(srbCode(srbStatus), scsiStatus, sense, opcode),
  }
  return sense === undefined ? result : { ...result, sense }
}

function senseAt(view: DataView, offset: number): Sense | undefined {
  const length = Math.min(SENSE_BYTES, view.getUint8(offset + at.senseInfoLength))
  return readSense(new Uint8Array(view.buffer, view.byteOffset + offset + at.senseData, length))
}

function byScsiStatus(scsiStatus: number, sense: Sense | undefined): RequestOutcome {
  switch (scsiStatus) {
    case ScsiStatus.good:
      return 'good'
    case ScsiStatus.busy:
      return 'busy'
    case ScsiStatus.reservationConflict:
      return 'reservation-conflict'
    case ScsiStatus.checkCondition:
      return sense === undefined ? 'error' : 'check-condition'
    default:
      return 'error'
  }
}

function outcomeOf(code: number, scsiStatus: number, sense: Sense | undefined, opcode: number): RequestOutcome {
  switch (code) {
    case SrbStatus.success:
      return byScsiStatus(scsiStatus, sense)
    case SrbStatus.aborted:
    case SrbStatus.error:
    case SrbStatus.invalidRequest: {
      if (sense !== undefined) return 'check-condition'
      if (opcode === Op.ataPassThrough12 || opcode === Op.ataPassThrough16) return 'passthrough'
      const status = byScsiStatus(scsiStatus, sense)
      return status === 'good' ? 'error' : status
    }
    case SrbStatus.busy:
      return 'busy'
    case SrbStatus.dataOverrun:
      return 'overrun'
    case SrbStatus.invalidLun:
    case SrbStatus.invalidTarget:
    case SrbStatus.noDevice:
    case SrbStatus.noHba:
      return 'no-connect'
    default:
      return 'error'
  }
}
