import { FIXED_SENSE_BYTES, Op, writeSense, type Sense } from '../../protocol.ts'
import { CAPACITY_CHANGED, INVALID_CDB, INVALID_OPCODE, RESERVATION_CONFLICT, type Outcome } from '../outcome.ts'
import type { Reservations } from '../reservations.ts'
import { blockDeviceOf, type Backend, type Command, type LogicalUnit } from '../unit.ts'
import { answer } from './answer.ts'
import { readCapacity10, serviceActionIn16 } from './capacity.ts'
import { diskInquiry } from './inquiry.ts'
import { modeSelect, modeSense } from './mode.ts'
import { unmap, writeSame } from './provisioning.ts'
import { accessOf, reserveIn, reserveOut } from './reserve.ts'
import { startStop, synchronizeCache, transfers, verify } from './transfer.ts'

export interface DiskUnitOptions {
  /** 16 bytes that name the disk in page 0x83; default the disk's own. */
  readonly identity?: Uint8Array
  /** Serial number for page 0x80; default none, and no such page. */
  readonly serial?: string
  /** Offers UNMAP; default what the disk can do. */
  readonly unmap?: boolean
  /** Says that a write may be cached until a flush; default true. */
  readonly writeCache?: boolean
  /** Persistent reservations, shared with the other guests of a shared disk; default none. */
  readonly reservations?: Reservations
}

interface State {
  readonly v: 1
  /** Sectors that the guest was told of. */
  reported: number
  sense: Sense | null
}

const NO_SENSE: Sense = { key: 0, asc: 0 }
const REQUEST_SENSE_LEAST = 8

/** REQUEST SENSE in fixed format. */
export function requestSense({ cdb, buffer }: Command, sense: Sense): Outcome {
  const allocation = cdb.getUint8(4)
  if (allocation < REQUEST_SENSE_LEAST) return INVALID_CDB
  const data = new Uint8Array(FIXED_SENSE_BYTES)
  writeSense(sense, data, 0)
  return answer(buffer, data, allocation)
}

/** A virtual hard disk. `initiator` names the guest in reservations. */
export function diskUnit(backend: Backend, options: DiskUnitOptions, initiator: string): LogicalUnit {
  const disk = blockDeviceOf(backend)
  const { serial, reservations, identity = disk.identity, writeCache = true } = options
  const canUnmap = options.unmap ?? disk.supportsDiscard
  const { read, write } = transfers()
  let state: State = { v: 1, reported: disk.sectors, sense: null }

  const dispatch = (opcode: number, command: Command): Outcome => {
    switch (opcode) {
      case Op.read6:
      case Op.read10:
      case Op.read12:
      case Op.read16:
        return read(disk, command)
      case Op.write6:
      case Op.write10:
      case Op.write12:
      case Op.write16:
        return write(disk, command)
      case Op.synchronizeCache10:
      case Op.synchronizeCache16:
        return synchronizeCache()
      case Op.unmap:
        return canUnmap ? unmap(disk, command) : INVALID_CDB
      case Op.writeSame10:
      case Op.writeSame16:
        return writeSame(disk, command)
      case Op.verify10:
      case Op.verify12:
      case Op.verify16:
      case Op.writeVerify10:
      case Op.writeVerify12:
      case Op.writeVerify16:
        return verify(disk, command)
      case Op.inquiry:
        return diskInquiry(disk, command, { identity, serial, unmap: canUnmap })
      case Op.readCapacity10:
        return readCapacity10(disk, command)
      case Op.serviceActionIn16:
        return serviceActionIn16(disk, command, canUnmap)
      case Op.modeSense6:
      case Op.modeSense10:
        return modeSense(disk, command, writeCache)
      case Op.modeSelect6:
      case Op.modeSelect10:
        return modeSelect(command, writeCache)
      case Op.startStopUnit:
        return startStop(command)
      case Op.persistentReserveIn:
        return reserveIn(reservations, command)
      case Op.persistentReserveOut:
        return reserveOut(reservations, initiator, command)
      case Op.requestSense: {
        const sense = state.sense ?? NO_SENSE
        state.sense = null
        return requestSense(command, sense)
      }
      // Only the default self test, without parameters.
      case Op.sendDiagnostic:
        return (command.cdb.getUint8(1) & 0xf0) === 0 && command.cdb.getUint16(3) === 0 ? 0 : INVALID_CDB
      case Op.testUnitReady:
      case Op.formatUnit:
      case Op.reserve6:
      case Op.release6:
      case Op.preventAllowMediumRemoval:
        return 0
      // Among them MAINTENANCE IN, ATA PASS-THROUGH and COMPARE AND WRITE.
      default:
        return INVALID_OPCODE
    }
  }

  return {
    type: 'disk',
    backend,
    execute(command) {
      const opcode = command.cdb.getUint8(0)
      if (state.reported !== disk.sectors && opcode !== Op.inquiry) {
        state.reported = disk.sectors
        return opcode === Op.requestSense ? requestSense(command, CAPACITY_CHANGED.sense ?? NO_SENSE) : CAPACITY_CHANGED
      }
      if (reservations !== undefined) {
        const access = accessOf(opcode)
        if (access !== 'none' && !reservations.allows(initiator, access === 'write')) return RESERVATION_CONFLICT
      }
      return dispatch(opcode, command)
    },
    keepSense(sense) {
      state.sense = sense ?? null
    },
    save: (): State => ({ ...state }),
    restore(saved) {
      state = { ...(saved as State) }
    },
    inspect: () => ({ type: 'disk', sectors: disk.sectors, ...state, ...disk.inspect() }),
  }
}
