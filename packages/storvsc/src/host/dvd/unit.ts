import type { BlockDevice } from '@vmbus/disk'
import { StorvscError } from '../../errors.ts'
import { Op, Vpd, type Sense } from '../../protocol/index.ts'
import type { GuestBuffer } from '../guest-buffer.ts'
import { INVALID_CDB, type Failure, type Outcome, type Plan } from '../outcome.ts'
import { requestSense } from '../scsi/disk.ts'
import { blocksOf, inRange, lbaOf, wantsAca } from '../scsi/cdb.ts'
import { dvdIdentifiers } from '../scsi/identity.ts'
import { DVD_DATA, inquiryRequest, vpdPage } from '../scsi/inquiry.ts'
import type { Command, LogicalUnit } from '../unit.ts'
import { configuration } from './configuration.ts'
import { eventStatus } from './events.ts'
import * as failures from './failures.ts'
import { discInformation, dvdModePages, dvdStructure, mechanismStatus, tableOfContents } from './pages.ts'
import { drive, savedDrive, type DvdState } from './state.ts'

const BLOCK = 2048
const DVD_TYPE = 0x05
/** Header and event of GET EVENT STATUS. */
const EVENT_BYTES = 8
/** Carried out whatever there is to tell (MMC-6 4.1.6.1); REQUEST SENSE tells it. */
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

function answer(buffer: GuestBuffer, data: Uint8Array, allocation: number): Outcome {
  const length = Math.min(allocation, data.length)
  if (length === 0) return 0
  if (length > buffer.length) return failures.DVD_OVERRUN
  return buffer.write(data.subarray(0, length)) ? length : INVALID_CDB
}

function checked(medium: BlockDevice | undefined): BlockDevice | undefined {
  if (medium !== undefined && BLOCK % medium.sectorSize !== 0)
    throw new StorvscError('VMBUS_STORVSC_OPTIONS', 'sectorSize', medium.sectorSize, `a divisor of ${BLOCK}`)
  return medium
}

export function dvdUnit(inserted: BlockDevice | undefined, ejected: () => void): DvdUnit {
  let medium = checked(inserted)
  let state: DvdState = drive(medium !== undefined)
  const step = { op: 'read' as const, sector: 0, offset: 0, length: 0 }
  const plan: Plan = { steps: [step], transferred: 0 }

  const blocks = (): number => (medium === undefined ? 0 : Math.floor((medium.sectors * medium.sectorSize) / BLOCK))

  const read = ({ cdb, buffer }: Command): Outcome => {
    const count = blocksOf(cdb)
    if (count === 0) return 0
    if (!state.present || medium === undefined) return failures.noMedium(state)
    const length = count * BLOCK
    if (!inRange(blocks(), lbaOf(cdb), count)) return failures.DVD_OUT_OF_RANGE
    if (length > buffer.length) return failures.DVD_OVERRUN
    if (!buffer.deviceMayWrite) return INVALID_CDB
    step.sector = lbaOf(cdb) * (BLOCK / medium.sectorSize)
    step.length = length
    plan.transferred = length
    return plan
  }

  const inquiry = (command: Command): Outcome => {
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

  const readCapacity = ({ buffer }: Command): Outcome => {
    if (!state.present) return failures.noMedium(state)
    const data = new DataView(new ArrayBuffer(8))
    data.setUint32(0, Math.min(blocks() - 1, 0xffff_ffff))
    data.setUint32(4, BLOCK)
    return answer(buffer, new Uint8Array(data.buffer), 8)
  }

  const startStop = ({ cdb }: Command): Outcome => {
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
      medium = undefined
      state.present = false
      state.event = 'removed'
      ejected()
    }
    state.trayOpen = true
    return 0
  }

  const readToc = ({ cdb, buffer }: Command): Outcome => {
    if (!state.present) return failures.noMedium(state)
    const data = tableOfContents(cdb.getUint8(2) & 0x0f, (cdb.getUint8(1) & 0x02) !== 0, blocks())
    return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
  }

  const readStructure = ({ cdb, buffer }: Command): Outcome => {
    if (!state.present) return failures.noMedium(state)
    if ((cdb.getUint8(1) & 0x0f) !== 0) return failures.DVD_INCOMPATIBLE
    if (cdb.getUint8(6) !== 0) return failures.DVD_INVALID_CDB
    const data = dvdStructure(cdb.getUint8(7))
    return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(8))
  }

  const events = ({ cdb, buffer }: Command): Outcome => {
    if ((cdb.getUint8(1) & 0x01) === 0) return failures.DVD_INVALID_CDB
    const allocation = cdb.getUint16(7)
    const told = Math.min(allocation, EVENT_BYTES)
    if (told > buffer.length || (told > 0 && !buffer.deviceMayWrite)) return failures.DVD_OVERRUN
    // An event is gone once it was told, so there has to be room for it.
    return answer(buffer, eventStatus(told < EVENT_BYTES ? { ...state } : state, cdb.getUint8(4)), allocation)
  }

  const modeSense = ({ cdb, buffer }: Command): Outcome => {
    if (cdb.getUint8(2) >>> 6 === 3) return failures.DVD_SAVING
    const data = dvdModePages(cdb.getUint8(2) & 0x3f)
    return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
  }

  /** The unit attention that is due, which is then told. */
  const attention = (): Failure | undefined => {
    if (!state.changed) return undefined
    state.changed = false
    return failures.MEDIUM_CHANGED
  }
  const lastSense = (): Sense | undefined => {
    const { sense } = state
    state.sense = null
    return sense ?? undefined
  }

  const dispatch = (command: Command): Outcome => {
    const { cdb, buffer } = command
    switch (cdb.getUint8(0)) {
      case Op.read10:
      case Op.read12:
      case Op.read16:
        return read(command)
      case Op.testUnitReady:
        return state.present ? 0 : failures.noMedium(state)
      case Op.inquiry:
        return inquiry(command)
      case Op.readCapacity10:
        return readCapacity(command)
      case Op.startStopUnit:
        return startStop(command)
      case Op.preventAllowMediumRemoval:
        state.prevented = (cdb.getUint8(4) & 0x01) !== 0
        return 0
      case Op.readToc:
        return readToc(command)
      case Op.getConfiguration: {
        const data = configuration(state, cdb.getUint8(1) & 0x03, cdb.getUint16(2))
        return data === undefined ? failures.DVD_INVALID_CDB : answer(buffer, data, cdb.getUint16(7))
      }
      case Op.getEventStatus:
        return events(command)
      case Op.readDvdStructure:
        return readStructure(command)
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
        return requestSense(command, () => attention()?.sense ?? lastSense())
      default:
        return failures.DVD_INVALID_OPCODE
    }
  }

  return {
    type: 'dvd',
    get backend() {
      return medium
    },
    execute(command) {
      if (wantsAca(command.cdb)) return failures.DVD_INVALID_CDB
      const news = UNINTERRUPTED.has(command.cdb.getUint8(0)) ? undefined : attention()
      return news ?? dispatch(command)
    },
    keepSense(sense) {
      state.sense = sense ?? null
    },
    change(next) {
      checked(next)
      const before = state.present
      medium = next
      state.present = next !== undefined
      if (state.present) state.trayOpen = false
      state.changed = state.present
      if (before && state.present) state.event = 'changed'
      else if (before !== state.present) state.event = state.present ? 'inserted' : 'removed'
    },
    pressEject() {
      state.event = 'eject-asked'
    },
    removed() {},
    save: (): DvdState => ({ ...state }),
    restore(saved) {
      state = savedDrive(saved, '')
      if (state.present && medium === undefined)
        throw new StorvscError('VMBUS_STORVSC_STATE', 'medium', 'none', 'the medium that was in the drive')
      if (!state.present) medium = undefined
    },
    inspect: () => ({ ...state, blocks: blocks() }),
  }
}
