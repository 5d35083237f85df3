import type { BlockDevice } from '@vmbus/disk'
import { StorvscError } from '../../errors.ts'
import { Op, Vpd } from '../../protocol/index.ts'
import type { GuestBuffer } from '../guest-buffer.ts'
import { INVALID_CDB, type Failure, type CommandResult, type Plan } from '../command-result.ts'
import { answer as answerWith } from '../scsi/answer.ts'
import { requestSense, takeSense } from '../scsi/disk.ts'
import { blocksOf, inRange, lbaOf, wantsAca } from '../scsi/cdb.ts'
import { dvdIdentifiers } from '../scsi/identity.ts'
import { DVD_DATA, inquiryRequest, vpdPage } from '../scsi/inquiry.ts'
import type { Command, LogicalUnit } from '../unit.ts'
import { configuration } from './configuration.ts'
import { eventStatus } from './events.ts'
import * as failures from './failures.ts'
import { discInformation, dvdModePages, dvdStructure, mechanismStatus, tableOfContents } from './pages.ts'
import { initialDrive, savedDrive, type DvdState } from './state.ts'

const BLOCK = 2048
const DVD_TYPE = 0x05
/** Header and event of GET EVENT STATUS. */
const EVENT_BYTES = 8
/** Carried out in spite of a unit attention (MMC-6 4.1.6.1); REQUEST SENSE reports it. */
const UNINTERRUPTED: ReadonlySet<number> = new Set([
  Op.inquiry,
  Op.requestSense,
  Op.getConfiguration,
  Op.getEventStatus,
])

/** A DVD drive. Its medium is any block device whose sectors fit into 2048 bytes; it is only ever read. */
export interface DvdUnit extends LogicalUnit {
  /** Puts a medium in, or takes it out. */
  change(medium: BlockDevice | undefined): void
  /** Asks the guest to let the medium go: the button of the drive. */
  pressEject(): void
}

/** What the commands of a drive share. `state` is all that is saved. */
interface Drive {
  medium: BlockDevice | undefined
  state: DvdState
  /** Of the read at hand: one for all, as this is the path of every block. */
  readonly step: { readonly op: 'read'; sector: number; readonly offset: 0; length: number }
  readonly plan: Plan
  /** The guest took the medium out. */
  readonly ejected: () => void
}

const answer = (buffer: GuestBuffer, data: Uint8Array, allocation: number): CommandResult =>
  answerWith(buffer, data, allocation, failures.DVD_OVERRUN)

function checked(medium: BlockDevice | undefined): BlockDevice | undefined {
  if (medium !== undefined && BLOCK % medium.sectorSize !== 0)
    throw new StorvscError('VMBUS_STORVSC_OPTIONS', 'sectorSize', medium.sectorSize, `a divisor of ${BLOCK}`)
  return medium
}

const blocksIn = ({ medium }: Drive): number =>
  medium === undefined ? 0 : Math.floor((medium.sectors * medium.sectorSize) / BLOCK)

function read(drive: Drive, { cdb, buffer }: Command): CommandResult {
  const { state, medium, step, plan } = drive
  const count = blocksOf(cdb)
  if (count === 0) return 0
  if (!state.present || medium === undefined) return failures.noMedium(state)
  const length = count * BLOCK
  if (!inRange(blocksIn(drive), lbaOf(cdb), count)) return failures.DVD_OUT_OF_RANGE
  if (length > buffer.length) return failures.DVD_OVERRUN
  if (!buffer.deviceMayWrite) return INVALID_CDB
  step.sector = lbaOf(cdb) * (BLOCK / medium.sectorSize)
  step.length = length
  plan.transferred = length
  return plan
}

function inquiry(command: Command): CommandResult {
  const request = inquiryRequest(command)
  if (request === undefined) return failures.DVD_INVALID_CDB
  if (request.page === undefined) return answer(command.buffer, DVD_DATA, request.allocation)
  const body =
    request.page === Vpd.supported
      ? Uint8Array.of(Vpd.supported, Vpd.identifiers)
      : request.page === Vpd.identifiers
        ? dvdIdentifiers()
        : undefined
  return body === undefined
    ? failures.DVD_INVALID_CDB
    : answer(command.buffer, vpdPage(DVD_TYPE, request.page, body), request.allocation)
}

function readCapacity(drive: Drive, { buffer }: Command): CommandResult {
  const { state } = drive
  if (!state.present) return failures.noMedium(state)
  const data = new DataView(new ArrayBuffer(8))
  data.setUint32(0, Math.min(blocksIn(drive) - 1, 0xffff_ffff))
  data.setUint32(4, BLOCK)
  return answer(buffer, new Uint8Array(data.buffer), 8)
}

function startStop(drive: Drive, { cdb }: Command): CommandResult {
  const { state } = drive
  const start = (cdb.getUint8(4) & 0x01) !== 0
  // Power conditions and format layers are not there (MMC-6 6.42).
  if ((cdb.getUint8(4) & 0xf4) !== 0) return failures.DVD_INVALID_CDB
  if ((cdb.getUint8(4) & 0x02) === 0) return 0
  if (start) {
    state.trayOpen = false
    return 0
  }
  if (state.prevented) return failures.REMOVAL_PREVENTED
  if (state.present) {
    drive.medium = undefined
    state.present = false
    state.event = 'removed'
    drive.ejected()
  }
  state.trayOpen = true
  return 0
}

function readToc(drive: Drive, { cdb, buffer }: Command): CommandResult {
  const { state } = drive
  if (!state.present) return failures.noMedium(state)
  const data = tableOfContents(cdb.getUint8(2) & 0x0f, (cdb.getUint8(1) & 0x02) !== 0, blocksIn(drive))
  return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
}

function readStructure({ state }: Drive, { cdb, buffer }: Command): CommandResult {
  if (!state.present) return failures.noMedium(state)
  if ((cdb.getUint8(1) & 0x0f) !== 0) return failures.DVD_INCOMPATIBLE
  if (cdb.getUint8(6) !== 0) return failures.DVD_INVALID_CDB
  const data = dvdStructure(cdb.getUint8(7))
  return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(8))
}

function events({ state }: Drive, { cdb, buffer }: Command): CommandResult {
  if ((cdb.getUint8(1) & 0x01) === 0) return failures.DVD_INVALID_CDB
  const allocation = cdb.getUint16(7)
  const sent = Math.min(allocation, EVENT_BYTES)
  if (sent > buffer.length || (sent > 0 && !buffer.deviceMayWrite)) return failures.DVD_OVERRUN
  // An event is reported once: without room for all of it, it stays.
  return answer(buffer, eventStatus(sent < EVENT_BYTES ? { ...state } : state, cdb.getUint8(4)), allocation)
}

function modeSense({ cdb, buffer }: Command): CommandResult {
  if (cdb.getUint8(2) >>> 6 === 3) return failures.DVD_SAVING
  const data = dvdModePages(cdb.getUint8(2) & 0x3f)
  return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
}

/** The unit attention that is due, which is then reported. */
function attention({ state }: Drive): Failure | undefined {
  if (!state.changed) return undefined
  state.changed = false
  return failures.MEDIUM_CHANGED
}

function dispatch(drive: Drive, command: Command): CommandResult {
  const { state } = drive
  const { cdb, buffer } = command
  switch (cdb.getUint8(0)) {
    case Op.read10:
    case Op.read12:
    case Op.read16:
      return read(drive, command)
    case Op.testUnitReady:
      return state.present ? 0 : failures.noMedium(state)
    case Op.inquiry:
      return inquiry(command)
    case Op.readCapacity10:
      return readCapacity(drive, command)
    case Op.startStopUnit:
      return startStop(drive, command)
    case Op.preventAllowMediumRemoval:
      state.prevented = (cdb.getUint8(4) & 0x01) !== 0
      return 0
    case Op.readToc:
      return readToc(drive, command)
    case Op.getConfiguration: {
      const data = configuration(state, cdb.getUint8(1) & 0x03, cdb.getUint16(2))
      return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
    }
    case Op.getEventStatus:
      return events(drive, command)
    case Op.readDvdStructure:
      return readStructure(drive, command)
    case Op.readDiscInformation:
      if (!state.present) return failures.noMedium(state)
      return (cdb.getUint8(1) & 0x07) === 0
        ? answer(buffer, discInformation(), cdb.getUint16(7))
        : failures.DVD_INVALID_CDB
    case Op.modeSense10:
      return modeSense(command)
    case Op.mechanismStatus:
      return answer(buffer, mechanismStatus(state), cdb.getUint16(8))
    case Op.readBufferCapacity:
      return answer(buffer, Uint8Array.of(0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), cdb.getUint16(7))
    case Op.requestSense:
      return requestSense(command, () => attention(drive)?.sense ?? takeSense(state))
    default:
      return failures.DVD_INVALID_OPCODE
  }
}

function change(drive: Drive, next: BlockDevice | undefined): void {
  const { state } = drive
  const before = state.present
  drive.medium = checked(next)
  state.present = next !== undefined
  if (state.present) state.trayOpen = false
  state.changed = state.present
  if (before && state.present) state.event = 'changed'
  else if (before !== state.present) state.event = state.present ? 'inserted' : 'removed'
}

export function dvdUnit(inserted: BlockDevice | undefined, ejected: () => void): DvdUnit {
  const medium = checked(inserted)
  const step = { op: 'read' as const, sector: 0, offset: 0 as const, length: 0 }
  const state = initialDrive(medium !== undefined)
  const drive: Drive = { medium, state, step, plan: { steps: [step], transferred: 0 }, ejected }
  return {
    type: 'dvd',
    get backend() {
      return drive.medium
    },
    execute(command) {
      if (wantsAca(command.cdb)) return failures.DVD_INVALID_CDB
      const due = UNINTERRUPTED.has(command.cdb.getUint8(0)) ? undefined : attention(drive)
      return due ?? dispatch(drive, command)
    },
    keepSense(sense) {
      drive.state.sense = sense ?? null
    },
    change: (next) => change(drive, next),
    pressEject() {
      drive.state.event = 'eject-asked'
    },
    removed() {},
    save: (): DvdState => ({ ...drive.state }),
    restore(saved) {
      drive.state = savedDrive(saved, '')
      if (drive.state.present && drive.medium === undefined)
        throw new StorvscError('VMBUS_STORVSC_STATE', 'medium', 'none', 'the medium that was in the drive')
      if (!drive.state.present) drive.medium = undefined
    },
    inspect: () => ({ ...drive.state, blocks: blocksIn(drive) }),
  }
}
