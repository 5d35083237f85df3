import { Asc, FIXED_SENSE_BYTES, Op, writeSense, type Sense } from '../../protocol/index.ts'
import {
  INVALID_CDB,
  INVALID_OPCODE,
  RESERVATION_CONFLICT,
  unitAttention,
  type Failure,
  type Outcome,
} from '../outcome.ts'
import type { Reservations } from '../reservations.ts'
import { blockDeviceOf, type Backend, type Command, type LogicalUnit } from '../unit.ts'
import { answer } from './answer.ts'
import { wantsAca } from './cdb.ts'
import { readCapacity10, serviceActionIn16 } from './capacity.ts'
import { diskInquiry } from './inquiry.ts'
import { modeSelect, modeSense } from './mode.ts'
import { unmap, writeSame } from './provisioning.ts'
import { accessOf, reserveIn, reserveOut } from './reserve.ts'
import { savedDisk, type DiskState } from './state.ts'
import { startStop, synchronizeCache, transfers } from './transfer.ts'
import { verify, writeAndVerify } from './verify.ts'

export interface DiskUnitOptions {
  /** 16 bytes that name the disk in page 0x83; default the disk's own. */
  readonly identity?: Uint8Array
  /** Serial number for page 0x80; default none, and no such page. */
  readonly serial?: string
  /** Offers UNMAP; default what the disk can do. */
  readonly unmap?: boolean
  /** A write may be cached until a flush; default true. Without it each write is flushed before it is answered. */
  readonly writeCache?: boolean
  /** Persistent reservations, shared with the other guests of a shared disk; default none. */
  readonly reservations?: Reservations
}

const NO_SENSE: Sense = { key: 0, asc: 0 }
const CAPACITY_CHANGED: Failure = unitAttention(Asc.capacityChanged)

/** REQUEST SENSE in fixed format; descriptors (DESC) are not there. `take` gives the sense data up. */
export function requestSense({ cdb, buffer }: Command, take: () => Sense | undefined): Outcome {
  if ((cdb.getUint8(1) & 0x01) !== 0) return INVALID_CDB
  const data = new Uint8Array(FIXED_SENSE_BYTES)
  writeSense(take() ?? NO_SENSE, data, 0)
  return answer(buffer, data, cdb.getUint8(4))
}

/** A virtual hard disk. `initiator` names the guest in reservations, `aborted` ends what it has under way here. */
export function diskUnit(
  backend: Backend,
  options: DiskUnitOptions,
  initiator: string,
  aborted: () => void,
): LogicalUnit {
  const disk = blockDeviceOf(backend)
  const { serial, reservations, identity = disk.identity, writeCache = true } = options
  const canUnmap = options.unmap ?? disk.supportsDiscard
  const { read, write } = transfers(writeCache)
  let state: DiskState = { v: 1, reported: disk.sectors, sense: null }

  /** The unit attention that is due, which is then told: of the size first. */
  const attention = (): Failure | undefined => {
    if (state.reported !== disk.sectors) {
      state.reported = disk.sectors
      return CAPACITY_CHANGED
    }
    const asc = reservations?.takeNews(initiator)
    return asc === undefined ? undefined : unitAttention(asc)
  }
  const lastSense = (): Sense | undefined => {
    const { sense } = state
    state.sense = null
    return sense ?? undefined
  }

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
        return synchronizeCache(disk, command)
      case Op.unmap:
        return canUnmap ? unmap(disk, command) : INVALID_OPCODE
      case Op.writeSame10:
      case Op.writeSame16:
        return writeSame(disk, command, writeCache)
      case Op.verify10:
      case Op.verify12:
      case Op.verify16:
        return verify(disk, command)
      case Op.writeVerify10:
      case Op.writeVerify12:
      case Op.writeVerify16:
        return writeAndVerify(disk, command)
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
      case Op.requestSense:
        return requestSense(command, () => attention()?.sense ?? lastSense())
      // Only the default self test, without parameters.
      case Op.sendDiagnostic:
        return (command.cdb.getUint8(1) & 0xf0) === 0 && command.cdb.getUint16(3) === 0 ? 0 : INVALID_CDB
      case Op.testUnitReady:
      // There is no medium to remove, allowed or not.
      case Op.preventAllowMediumRemoval:
        return 0
      // Among them FORMAT UNIT, RESERVE and RELEASE, MAINTENANCE IN, ATA PASS-THROUGH and COMPARE AND WRITE.
      default:
        return INVALID_OPCODE
    }
  }

  const unwatch = reservations?.watch(initiator, aborted)

  return {
    type: 'disk',
    backend,
    execute(command) {
      const opcode = command.cdb.getUint8(0)
      if (wantsAca(command.cdb)) return INVALID_CDB
      // These two are carried out whatever there is to tell; REQUEST SENSE tells it (SAM-5 5.14).
      const news = opcode === Op.inquiry || opcode === Op.requestSense ? undefined : attention()
      if (news !== undefined) return news
      if (reservations !== undefined) {
        const access = accessOf(command.cdb)
        if (access !== 'none' && !reservations.allows(initiator, access === 'write')) return RESERVATION_CONFLICT
      }
      return dispatch(opcode, command)
    },
    keepSense(sense) {
      state.sense = sense ?? null
    },
    save: (): DiskState => ({ ...state }),
    restore(saved) {
      state = savedDisk(saved, '')
    },
    removed: () => unwatch?.(),
    inspect: () => ({ type: 'disk', sectors: disk.sectors, ...state, ...disk.inspect() }),
  }
}
