import type { BlockDevice } from '@vmbus/disk'
import { Asc, FIXED_SENSE_BYTES, Op, writeSense, type Sense } from '../../protocol/index.ts'
import {
  INVALID_CDB,
  INVALID_OPCODE,
  RESERVATION_CONFLICT,
  unitAttention,
  type Failure,
  type CommandResult,
} from '../command-result.ts'
import type { Reservations } from '../reservations.ts'
import { blockDeviceOf, type Backend, type Command, type LogicalUnit } from '../unit.ts'
import { answer } from './answer.ts'
import { wantsAca } from './cdb.ts'
import { readCapacity10, serviceActionIn16 } from './capacity.ts'
import { diskInquiry, type InquiryOptions } from './inquiry.ts'
import { modeSelect, modeSense } from './mode.ts'
import { unmap, writeSame } from './provisioning.ts'
import { accessOf, reserveIn, reserveOut } from './reserve.ts'
import { savedDisk, type DiskState } from './state.ts'
import { startStop, synchronizeCache, transfers, type Transfers } from './transfer.ts'
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

/** The sense data of the last command, reported once. */
export function takeSense(state: { sense: Sense | null }): Sense | undefined {
  const { sense } = state
  state.sense = null
  return sense ?? undefined
}

/** REQUEST SENSE in fixed format; descriptors (DESC) are not there. `take` returns the sense data and clears it. */
export function requestSense({ cdb, buffer }: Command, take: () => Sense | undefined): CommandResult {
  if ((cdb.getUint8(1) & 0x01) !== 0) return INVALID_CDB
  const data = new Uint8Array(FIXED_SENSE_BYTES)
  writeSense(take() ?? NO_SENSE, data, 0)
  return answer(buffer, data, cdb.getUint8(4))
}

/** What the commands of a disk share. `state` is all that is saved. */
interface DiskUnit {
  readonly disk: BlockDevice
  readonly inquiry: InquiryOptions
  readonly writeCache: boolean
  readonly transfers: Transfers
  readonly reservations: Reservations | undefined
  /** Names the guest in reservations. */
  readonly initiator: string
  state: DiskState
}

/** The unit attention that is due, which is then reported: a changed size first. */
function attention({ disk, state, reservations, initiator }: DiskUnit): Failure | undefined {
  if (state.reported !== disk.sectors) {
    state.reported = disk.sectors
    return CAPACITY_CHANGED
  }
  const asc = reservations?.takeNews(initiator)
  return asc === undefined ? undefined : unitAttention(asc)
}

function dispatch(unit: DiskUnit, opcode: number, command: Command): CommandResult {
  const { disk, inquiry, writeCache, transfers, reservations } = unit
  switch (opcode) {
    case Op.read6:
    case Op.read10:
    case Op.read12:
    case Op.read16:
      return transfers.read(disk, command)
    case Op.write6:
    case Op.write10:
    case Op.write12:
    case Op.write16:
      return transfers.write(disk, command)
    case Op.synchronizeCache10:
    case Op.synchronizeCache16:
      return synchronizeCache(disk, command)
    case Op.unmap:
      return inquiry.unmap ? unmap(disk, command) : INVALID_OPCODE
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
      return diskInquiry(disk, command, inquiry)
    case Op.readCapacity10:
      return readCapacity10(disk, command)
    case Op.serviceActionIn16:
      return serviceActionIn16(disk, command, inquiry.unmap)
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
      return reserveOut(reservations, unit.initiator, command)
    case Op.requestSense:
      return requestSense(command, () => attention(unit)?.sense ?? takeSense(unit.state))
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

function execute(unit: DiskUnit, command: Command): CommandResult {
  const { reservations, initiator } = unit
  const opcode = command.cdb.getUint8(0)
  if (wantsAca(command.cdb)) return INVALID_CDB
  // INQUIRY and REQUEST SENSE are carried out in spite of a unit attention; REQUEST SENSE reports it (SAM-5 5.14).
  const due = opcode === Op.inquiry || opcode === Op.requestSense ? undefined : attention(unit)
  if (due !== undefined) return due
  const access = reservations === undefined ? 'none' : accessOf(command.cdb)
  if (access !== 'none' && reservations?.allows(initiator, access === 'write') === false) return RESERVATION_CONFLICT
  return dispatch(unit, opcode, command)
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
  const unit: DiskUnit = {
    disk,
    inquiry: { identity, serial, unmap: options.unmap ?? disk.supportsDiscard },
    writeCache,
    transfers: transfers(writeCache),
    reservations,
    initiator,
    state: { v: 1, reported: disk.sectors, sense: null },
  }
  const unwatch = reservations?.watch(initiator, aborted)
  return {
    type: 'disk',
    backend,
    execute: (command) => execute(unit, command),
    keepSense(sense) {
      unit.state.sense = sense ?? null
    },
    save: (): DiskState => ({ ...unit.state }),
    restore(saved) {
      unit.state = savedDisk(saved, '')
    },
    removed: () => unwatch?.(),
    inspect: () => ({ type: 'disk', sectors: disk.sectors, ...unit.state, ...disk.inspect() }),
  }
}
