import { Asc, Op } from '../../protocol/index.ts'
import {
  INVALID_CDB,
  INVALID_OPCODE,
  INVALID_PARAMETER,
  MEMORY_ACCESS,
  PARAMETER_LIST_LENGTH,
  RESERVATION_CONFLICT,
  illegalRequest,
  type CommandResult,
} from '../command-result.ts'
import { RESERVATION_TYPES, type Reservations } from '../reservations.ts'
import type { Command } from '../unit.ts'
import { answer } from './answer.ts'

const In = { readKeys: 0, readReservation: 1, reportCapabilities: 2, readFullStatus: 3 } as const
const Out = {
  register: 0,
  reserve: 1,
  release: 2,
  clear: 3,
  preempt: 4,
  preemptAndAbort: 5,
  registerIgnore: 6,
} as const
const LIST_BYTES = 24

const keyAt = (bytes: Uint8Array, at: number): string =>
  Array.from(bytes.subarray(at, at + 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
function putKey(into: DataView, at: number, key: string): void {
  into.setUint32(at, Number.parseInt(key.slice(0, 8), 16))
  into.setUint32(at + 4, Number.parseInt(key.slice(8), 16))
}

/** Generation and length of what follows, then the body. */
function list(generation: number, bodyLength: number): DataView {
  const view = new DataView(new ArrayBuffer(8 + bodyLength))
  view.setUint32(0, generation)
  view.setUint32(4, bodyLength)
  return view
}

function readKeys({ state }: Reservations): DataView {
  const view = list(state.generation, state.registrants.length * 8)
  state.registrants.forEach(({ key }, index) => putKey(view, 8 + index * 8, key))
  return view
}

function readReservation({ state }: Reservations): DataView {
  if (state.type === 0) return list(state.generation, 0)
  const view = list(state.generation, 16)
  const holder = state.registrants.find(({ initiator }) => initiator === state.holder)
  if (holder !== undefined) putKey(view, 8, holder.key)
  view.setUint8(21, state.type)
  return view
}

function readFullStatus({ state }: Reservations): DataView {
  const size = 24
  const view = list(state.generation, state.registrants.length * size)
  state.registrants.forEach(({ initiator, key }, index) => {
    const at = 8 + index * size
    const holds = state.type !== 0 && (state.holder === '' || state.holder === initiator)
    putKey(view, at, key)
    // All target ports; reservation holder.
    view.setUint8(at + 12, 0x02 | (holds ? 0x01 : 0))
    if (holds) view.setUint8(at + 13, state.type)
    view.setUint16(at + 18, index + 1)
  })
  return view
}

function capabilities({ state }: Reservations): DataView {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint16(0, 8)
  // All target ports capable, persistence through power loss capable; the mask of types is valid.
  view.setUint8(2, 0x05)
  view.setUint8(3, 0x80 | (state.persistent ? 0x01 : 0))
  // WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX, then EX_AC_AR.
  view.setUint8(4, 0xea)
  view.setUint8(5, 0x01)
  return view
}

/** PERSISTENT RESERVE IN (SPC-4 6.16). Without reservations the command does not exist, as on a disk that is not shared. */
export function reserveIn(reservations: Reservations | undefined, { cdb, buffer }: Command): CommandResult {
  if (reservations === undefined) return INVALID_OPCODE
  const read = {
    [In.readKeys]: readKeys,
    [In.readReservation]: readReservation,
    [In.reportCapabilities]: capabilities,
    [In.readFullStatus]: readFullStatus,
  }
  const action = cdb.getUint8(1) & 0x1f
  const report = read[action as keyof typeof read]
  if (report === undefined) return INVALID_CDB
  return answer(buffer, new Uint8Array(report(reservations).buffer), cdb.getUint16(7))
}

/** PERSISTENT RESERVE OUT (SPC-4 6.17) for the logical unit's scope. */
export function reserveOut(
  reservations: Reservations | undefined,
  initiator: string,
  { cdb, buffer }: Command,
): CommandResult {
  if (reservations === undefined) return INVALID_OPCODE
  const action = cdb.getUint8(1) & 0x1f
  const scope = cdb.getUint8(2) >>> 4
  const type = cdb.getUint8(2) & 0x0f
  const registers = action === Out.register || action === Out.registerIgnore
  if (!registers && action !== Out.clear && (scope !== 0 || !RESERVATION_TYPES.includes(type))) return INVALID_CDB
  if (cdb.getUint32(5) !== LIST_BYTES || buffer.length < LIST_BYTES) return PARAMETER_LIST_LENGTH
  const parameters = new Uint8Array(LIST_BYTES)
  if (!buffer.read(parameters)) return MEMORY_ACCESS
  const key = keyAt(parameters, 0)
  const serviceKey = keyAt(parameters, 8)
  const flags = parameters[20] ?? 0
  // Initiators by name are not taken.
  if ((flags & 0x08) !== 0) return INVALID_PARAMETER
  const done = (granted: boolean): CommandResult => (granted ? LIST_BYTES : RESERVATION_CONFLICT)
  switch (action) {
    case Out.register:
      return done(reservations.register(initiator, key, serviceKey, (flags & 0x01) !== 0))
    case Out.registerIgnore:
      return done(reservations.register(initiator, undefined, serviceKey, (flags & 0x01) !== 0))
    case Out.reserve:
      return done(reservations.reserve(initiator, key, type))
    case Out.release: {
      const released = reservations.release(initiator, key, type)
      return released === 'invalid-release' ? illegalRequest(Asc.invalidRelease) : done(released)
    }
    case Out.clear:
      return done(reservations.clear(initiator, key))
    case Out.preempt:
    case Out.preemptAndAbort: {
      const preempted = reservations.preempt(initiator, key, serviceKey, type, action === Out.preemptAndAbort)
      return preempted === 'invalid' ? INVALID_PARAMETER : done(preempted)
    }
    default:
      return INVALID_CDB
  }
}

/**
 * Commands that a reservation of another guest keeps out (SPC-4 table 67, SBC-3 table 13): by what they do to the medium,
 * or to the unit. Starting it and allowing removal are free.
 */
export function accessOf(cdb: DataView): 'read' | 'write' | 'none' {
  switch (cdb.getUint8(0)) {
    case Op.read6:
    case Op.read10:
    case Op.read12:
    case Op.read16:
    case Op.verify10:
    case Op.verify12:
    case Op.verify16:
    case Op.modeSense6:
    case Op.modeSense10:
      return 'read'
    case Op.write6:
    case Op.write10:
    case Op.write12:
    case Op.write16:
    case Op.writeVerify10:
    case Op.writeVerify12:
    case Op.writeVerify16:
    case Op.writeSame10:
    case Op.writeSame16:
    case Op.unmap:
    case Op.synchronizeCache10:
    case Op.synchronizeCache16:
    case Op.modeSelect6:
    case Op.modeSelect10:
    case Op.sendDiagnostic:
      return 'write'
    case Op.startStopUnit:
      return (cdb.getUint8(4) & 0xf1) === 0x01 ? 'none' : 'write'
    case Op.preventAllowMediumRemoval:
      return (cdb.getUint8(4) & 0x03) === 0 ? 'none' : 'write'
    default:
      return 'none'
  }
}
