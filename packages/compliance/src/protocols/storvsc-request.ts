import { PacketType } from '@vmbus/core'
import { hex, type SeenPacket, type Watch } from './protocol.ts'

/** Where a request's fields stand in the packet; sense data comes back where the CDB went (wire/05 §1). */
const AT = {
  length: 12,
  srbStatus: 14,
  scsiStatus: 15,
  cdbLength: 20,
  senseLength: 21,
  dataIn: 22,
  transfer: 24,
  cdb: 28,
  srbFlags: 52,
} as const
const WRITE = 0
const READ = 1
const NONE = 2
const FLAG_IN = 0x40
const FLAG_OUT = 0x80
const PAGE = 4096
/** Room of the CDB, and bytes of the CDBs of each group of opcodes (SPC-4 §4.2.5.1). */
const MOST_CDB = 16
const GROUP_BYTES = [6, 10, 10, 0, 16, 12, 0, 0]
const SECTORS = [512, 2048, 4096]
/** READ and WRITE: where the count of blocks stands, and in how many bytes (SBC-3). */
const COUNTS = new Map<number, readonly [at: number, bytes: 2 | 4]>([
  [0x28, [7, 2]],
  [0x2a, [7, 2]],
  [0xa8, [6, 4]],
  [0xaa, [6, 4]],
  [0x88, [10, 4]],
  [0x8a, [10, 4]],
])

const SUCCESS = 1
const OVERRUN = 0x12
const INVALID_LUN = 0x20
const AUTOSENSE = 0x80
const CODE = 0x3f
const CHECK_CONDITION = 2
/** Statuses of SCSI (SAM-4 §5.3.1), and the codes of SRBs (wire/05 §3). */
const SCSI_STATUSES = [0, 2, 4, 8, 0x18, 0x28, 0x30, 0x40]
const MOST_SENSE = 20
/** Status of the packet by the SRB's code; any other is 0xC0000185 (wire/05 §3). */
const NT_STATUS = new Map([
  [1, 0],
  [5, 0x8000_0011],
  [0x20, 0xc000_00c0],
  [0x21, 0xc000_00c0],
  [8, 0xc000_00c0],
  [0x11, 0xc000_00c0],
  [9, 0xc000_00b5],
  [0xb, 0xc000_00b5],
  [0xa, 0xc000_009d],
  [0x22, 0xc000_0010],
  [0x15, 0xc000_0010],
  [0x12, 0x8000_0005],
  [0x16, 0xc000_0001],
  [2, 0xc000_0120],
])
const IO_ERROR = 0xc000_0185

/** A SCSI request under way. */
export interface ScsiRequest {
  readonly opcode: number
  readonly transfer: number
  readonly isBlocks: boolean
}

interface Ranges {
  readonly count: number
  readonly bytes: number
  /** The page numbers fill the header of the packet exactly. */
  readonly isWhole: boolean
}

/** The ranges of a GPA-direct packet (wire/03 §3). */
function rangesOf({ type, packet, view }: SeenPacket): Ranges {
  if (type !== PacketType.gpaDirect) return { count: 0, bytes: 0, isWhole: true }
  const end = view.byteOffset - packet.byteOffset
  const count = packet.getUint32(20, true)
  let [at, bytes] = [24, 0]
  for (let index = 0; index < count && at + 8 <= end; index++) {
    const [length, offset] = [packet.getUint32(at, true), packet.getUint32(at + 4, true)]
    if (offset >= PAGE) return { count, bytes, isWhole: false }
    bytes += length
    at += 8 + 8 * Math.ceil((offset + length) / PAGE)
  }
  return { count, bytes, isWhole: at === end }
}

/** What a driver says in EXECUTE_SRB; undefined when the packet holds no request. `isLong`: from version 5.1 on. */
export function request(watch: Watch, seen: SeenPacket, isLong: boolean, most: number): ScsiRequest | undefined {
  const { view } = seen
  const [length, cdbLength, sense] = [
    view.getUint16(AT.length, true),
    view.getUint8(AT.cdbLength),
    view.getUint8(AT.senseLength),
  ]
  watch.check('guest-storvsc-request', length === (isLong ? 52 : 36), () => `length ${length}`)
  const opcode = view.getUint8(AT.cdb)
  const needed = GROUP_BYTES[opcode >>> 5] ?? 0
  watch.check(
    'guest-storvsc-cdb',
    cdbLength > 0 && cdbLength >= needed && cdbLength <= MOST_CDB,
    () => `a CDB of ${cdbLength} bytes for opcode ${hex(opcode)}`,
  )
  watch.check('guest-storvsc-sense', sense === (isLong ? MOST_SENSE : 18), () => `room for ${sense} bytes`)
  const [dataIn, transfer] = [view.getUint8(AT.dataIn), view.getUint32(AT.transfer, true)]
  watch.check(
    'guest-storvsc-direction',
    dataIn <= NONE && (transfer === 0 || dataIn !== NONE),
    () => `data_in ${dataIn} for ${transfer} bytes`,
  )
  if (isLong) {
    const flags = view.getUint32(AT.srbFlags, true) & (FLAG_IN | FLAG_OUT)
    const right = flags === (dataIn === READ ? FLAG_IN : dataIn === WRITE ? FLAG_OUT : 0)
    watch.check('guest-storvsc-flags', right || flags === 0, () => `SRB flags ${hex(flags)} for data_in ${dataIn}`)
  }
  const ranges = rangesOf(seen)
  watch.check(
    'guest-storvsc-range',
    ranges.isWhole && ranges.count === (transfer === 0 ? 0 : 1) && ranges.bytes === transfer,
    () => `${ranges.count} ranges of ${ranges.bytes} bytes for ${transfer}`,
  )
  watch.check('guest-storvsc-most', transfer <= most, () => `${transfer} bytes of ${most}`)
  const place = COUNTS.get(opcode)
  if (place === undefined) return { opcode, transfer, isBlocks: false }
  const blocks = place[1] === 2 ? view.getUint16(AT.cdb + place[0]) : view.getUint32(AT.cdb + place[0])
  watch.check(
    'guest-storvsc-blocks',
    blocks === 0 ? transfer === 0 : SECTORS.includes(transfer / blocks),
    () => `${transfer} bytes for ${blocks} blocks`,
  )
  return { opcode, transfer, isBlocks: true }
}

/** What a host answers to EXECUTE_SRB. True when the command succeeded. */
export function answer(watch: Watch, { opcode, transfer, isBlocks }: ScsiRequest, view: DataView): boolean {
  const [raw, scsi] = [view.getUint8(AT.srbStatus), view.getUint8(AT.scsiStatus)]
  const code = raw & CODE
  const how = (): string => `opcode ${hex(opcode)}: SRB ${hex(raw)}, SCSI ${hex(scsi)}`
  watch.check('host-storvsc-srb', code !== 0 && SCSI_STATUSES.includes(scsi), how)
  watch.check('host-storvsc-good', code !== SUCCESS || scsi === 0, how)
  const status = view.getUint32(8, true)
  watch.check(
    'host-storvsc-status',
    status === (NT_STATUS.get(code) ?? IO_ERROR),
    () => `${how()}, status ${hex(status)}`,
  )
  const hasSense = (raw & AUTOSENSE) !== 0
  if (hasSense || (scsi === CHECK_CONDITION && code !== INVALID_LUN)) {
    const bytes = view.getUint8(AT.senseLength)
    const format = view.getUint8(AT.cdb) & 0x7f
    watch.check(
      'host-storvsc-sense',
      hasSense && scsi === CHECK_CONDITION && bytes > 0 && bytes <= MOST_SENSE && format >= 0x70 && format <= 0x73,
      () => `${how()}, ${bytes} bytes of sense data of format ${hex(format)}`,
    )
  }
  const done = view.getUint32(AT.transfer, true)
  watch.check('host-storvsc-length', done <= transfer, () => `${how()}, ${done} of ${transfer} bytes`)
  if (code === SUCCESS && isBlocks)
    watch.check('host-storvsc-whole', done === transfer, () => `${how()}, ${done} of ${transfer} bytes`)
  return code === SUCCESS || code === OVERRUN
}
