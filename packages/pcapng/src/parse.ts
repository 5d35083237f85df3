import { PcapngError } from './errors.ts'
import {
  BLOCK,
  DIRECTION,
  INTERFACE_OPTION,
  OPTION,
  PACKET_OPTION,
  RECEPTION,
  SECTION_OPTION,
  STATISTICS_OPTION,
  padded,
} from './format.ts'
import type { Direction, Reception } from './format.ts'
import { utf8Decode } from './utf8.ts'

export interface SectionHeaderBlock {
  readonly type: 'section'
  readonly littleEndian: boolean
  readonly version: readonly [major: number, minor: number]
  /** Bytes of the section after this block, or undefined when not given (-1). */
  readonly length: bigint | undefined
  readonly hardware?: string
  readonly os?: string
  readonly application?: string
  readonly comments: readonly string[]
}

export interface InterfaceBlock {
  readonly type: 'interface'
  readonly id: number
  readonly linkType: number
  /** 0 is no limit. */
  readonly snaplen: number
  /** Timestamp units in a second: a power of ten or of two. */
  readonly unitsPerSecond: bigint
  /** if_tsoffset: seconds that the file leaves out of its times, and that the reader has added. */
  readonly offsetSeconds?: bigint
  readonly name?: string
  readonly description?: string
  readonly mac?: Uint8Array
  readonly speed?: bigint
  readonly comments: readonly string[]
}

export interface PacketBlock {
  readonly type: 'packet'
  readonly interfaceId: number
  /** Units of the interface since 1970-01-01 UTC; undefined in a simple packet block, which has none. */
  readonly time: bigint | undefined
  readonly bytes: Uint8Array
  /** Length on the wire. */
  readonly length: number
  readonly direction: Direction
  readonly reception: Reception
  readonly dropCount?: bigint
  readonly packetId?: bigint
  readonly queue?: number
  readonly comments: readonly string[]
}

export interface StatisticsBlock {
  readonly type: 'statistics'
  readonly interfaceId: number
  readonly time: bigint
  readonly start?: bigint
  readonly end?: bigint
  readonly received?: bigint
  readonly dropped?: bigint
  readonly accepted?: bigint
  readonly delivered?: bigint
  readonly comments: readonly string[]
}

/** A block of a type that this reader does not interpret: name resolution, secrets, custom, obsolete or new. */
export interface OtherBlock {
  readonly type: 'other'
  readonly blockType: number
  readonly body: Uint8Array
}

export type PcapngBlock = SectionHeaderBlock | InterfaceBlock | PacketBlock | StatisticsBlock | OtherBlock

/** What a section has said so far that later blocks refer to. */
export interface Section {
  readonly littleEndian: boolean
  readonly interfaces: InterfaceBlock[]
}

/** A block's body (between its two length words) as an owned copy, and what errors need. */
export interface Body {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly offset: number
}

const refuse = (body: Body, field: string, value: number | bigint | string, allowed: string): PcapngError =>
  new PcapngError('VMBUS_PCAPNG_FORMAT', { field, value, allowed, offset: body.offset })

const need = (body: Body, fixed: number, what: string): void => {
  if (body.bytes.length < fixed) throw refuse(body, `${what} body length`, body.bytes.length, `at least ${fixed}`)
}

/** Options of one block by code, in order. Reading stops at the end mark or at the end of the body. */
function readOptions(body: Body, from: number, littleEndian: boolean): Map<number, Uint8Array[]> {
  const options = new Map<number, Uint8Array[]>()
  let at = from
  while (at < body.bytes.length) {
    if (body.bytes.length - at < 4) throw refuse(body, 'option header length', body.bytes.length - at, '4')
    const code = body.view.getUint16(at, littleEndian)
    const length = body.view.getUint16(at + 2, littleEndian)
    at += 4
    if (code === OPTION.end) {
      if (length !== 0) throw refuse(body, 'opt_endofopt length', length, '0')
      if (at !== body.bytes.length) throw refuse(body, 'bytes after opt_endofopt', body.bytes.length - at, '0')
      break
    }
    if (at + padded(length) > body.bytes.length)
      throw refuse(body, `length of option ${code}`, length, `at most ${body.bytes.length - at}`)
    const value = body.bytes.subarray(at, at + length)
    const others = options.get(code)
    if (others) others.push(value)
    else options.set(code, [value])
    at += padded(length)
  }
  return options
}

/** Typed access to a block's options; a wrong length or bad UTF-8 is an error. */
function optionReader(body: Body, from: number, littleEndian: boolean) {
  const options = readOptions(body, from, littleEndian)
  const one = (code: number, length?: number): Uint8Array | undefined => {
    const values = options.get(code)
    if (values === undefined) return undefined
    const value = values[0]
    if (values.length > 1 || value === undefined) throw refuse(body, `count of option ${code}`, values.length, '1')
    if (length !== undefined && value.length !== length)
      throw refuse(body, `length of option ${code}`, value.length, `${length}`)
    return value
  }
  const string = (code: number, value: Uint8Array): string => {
    const decoded = utf8Decode(value)
    if (decoded === undefined) throw refuse(body, `option ${code}`, 'malformed', 'UTF-8')
    return decoded
  }
  const viewOf = (value: Uint8Array): DataView => new DataView(value.buffer, value.byteOffset, value.length)
  return {
    bytes: one,
    text(code: number): string | undefined {
      const value = one(code)
      return value && string(code, value)
    },
    u32(code: number): number | undefined {
      const value = one(code, 4)
      return value && viewOf(value).getUint32(0, littleEndian)
    },
    u64(code: number): bigint | undefined {
      const value = one(code, 8)
      return value && viewOf(value).getBigUint64(0, littleEndian)
    },
    i64(code: number): bigint | undefined {
      const value = one(code, 8)
      return value && viewOf(value).getBigInt64(0, littleEndian)
    },
    time(code: number, added: bigint): bigint | undefined {
      const value = one(code, 8)
      return value && timeAt(viewOf(value), 0, littleEndian) + added
    },
    comments: (): string[] => (options.get(OPTION.comment) ?? []).map((value) => string(OPTION.comment, value)),
  }
}

const timeAt = (view: DataView, at: number, littleEndian: boolean): bigint =>
  (BigInt(view.getUint32(at, littleEndian)) << 32n) | BigInt(view.getUint32(at + 4, littleEndian))

/** What if_tsoffset adds to each time of an interface, in the interface's units. */
const addedTo = ({ offsetSeconds = 0n, unitsPerSecond }: InterfaceBlock): bigint => offsetSeconds * unitsPerSecond

/** Keeps only the keys that have a value, so that an absent option is an absent property. */
function present<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  const out: Partial<T> = {}
  for (const key in values) {
    const value = values[key]
    if (value !== undefined) out[key] = value
  }
  return out
}

export function parseSectionHeader(body: Body, littleEndian: boolean): SectionHeaderBlock {
  need(body, 16, 'section header')
  const version = [body.view.getUint16(4, littleEndian), body.view.getUint16(6, littleEndian)] as const
  // 1.2 is defined as equal to 1.0 (draft-ietf-opsawg-pcapng, 4.1).
  if (version[0] !== 1 || (version[1] !== 0 && version[1] !== 2))
    throw refuse(body, 'version', version.join('.'), '1.0 or 1.2')
  const length = body.view.getBigInt64(8, littleEndian)
  if (length < -1n || length % 4n > 0n) throw refuse(body, 'section length', length, '-1 or a multiple of 4')
  const options = optionReader(body, 16, littleEndian)
  return {
    type: 'section',
    littleEndian,
    version,
    length: length === -1n ? undefined : length,
    ...present<{ hardware: string; os: string; application: string }>({
      hardware: options.text(SECTION_OPTION.hardware),
      os: options.text(SECTION_OPTION.os),
      application: options.text(SECTION_OPTION.application),
    }),
    comments: options.comments(),
  }
}

/** Parses a block's body in the light of its section; interfaces are added to the section. */
export function parseBlock(blockType: number, body: Body, section: Section, maxInterfaces: number): PcapngBlock {
  switch (blockType) {
    case BLOCK.interfaceDescription: {
      if (section.interfaces.length >= maxInterfaces)
        throw refuse(body, 'interfaces', maxInterfaces + 1, `at most ${maxInterfaces}`)
      const described = parseInterface(body, section)
      section.interfaces.push(described)
      return described
    }
    case BLOCK.enhancedPacket:
      return parseEnhancedPacket(body, section)
    case BLOCK.simplePacket:
      return parseSimplePacket(body, section)
    case BLOCK.interfaceStatistics:
      return parseStatistics(body, section)
    default:
      return { type: 'other', blockType, body: body.bytes }
  }
}

function parseInterface(body: Body, { littleEndian, interfaces }: Section): InterfaceBlock {
  need(body, 8, 'interface description')
  const options = optionReader(body, 8, littleEndian)
  return {
    type: 'interface',
    id: interfaces.length,
    linkType: body.view.getUint16(0, littleEndian),
    snaplen: body.view.getUint32(4, littleEndian),
    unitsPerSecond: unitsPerSecond(body, options.bytes(INTERFACE_OPTION.resolution, 1)?.[0] ?? 6),
    ...present<{ name: string; description: string; mac: Uint8Array; speed: bigint; offsetSeconds: bigint }>({
      name: options.text(INTERFACE_OPTION.name),
      description: options.text(INTERFACE_OPTION.description),
      mac: options.bytes(INTERFACE_OPTION.mac, 6),
      speed: options.u64(INTERFACE_OPTION.speed),
      offsetSeconds: options.i64(INTERFACE_OPTION.timeOffset),
    }),
    comments: options.comments(),
  }
}

/** if_tsresol: the top bit chooses base 2 over base 10, the rest is the negated exponent. */
function unitsPerSecond(body: Body, resolution: number): bigint {
  const exponent = resolution & 0x7f
  const largest = resolution & 0x80 ? 63 : 19
  if (exponent > largest) throw refuse(body, 'if_tsresol exponent', exponent, `0 … ${largest}`)
  return (resolution & 0x80 ? 2n : 10n) ** BigInt(exponent)
}

function interfaceOf(body: Body, id: number, { interfaces }: Section): InterfaceBlock {
  const found = interfaces[id]
  if (found === undefined) throw refuse(body, 'interface id', id, `less than the ${interfaces.length} described`)
  return found
}

function parseEnhancedPacket(body: Body, section: Section): PacketBlock {
  const { littleEndian } = section
  need(body, 20, 'enhanced packet')
  const described = interfaceOf(body, body.view.getUint32(0, littleEndian), section)
  const { snaplen, id } = described
  const captured = body.view.getUint32(12, littleEndian)
  const length = body.view.getUint32(16, littleEndian)
  const limit = Math.min(length, snaplen === 0 ? Infinity : snaplen, body.bytes.length - 20)
  if (captured > limit) throw refuse(body, 'captured length', captured, `at most ${limit}`)
  const options = optionReader(body, 20 + padded(captured), littleEndian)
  const flags = options.u32(PACKET_OPTION.flags) ?? 0
  return {
    type: 'packet',
    interfaceId: id,
    time: timeAt(body.view, 4, littleEndian) + addedTo(described),
    bytes: body.bytes.subarray(20, 20 + captured),
    length,
    direction: named(body, 'direction', DIRECTION, flags & 3),
    reception: named(body, 'reception', RECEPTION, (flags >> 2) & 7),
    ...present<{ dropCount: bigint; packetId: bigint; queue: number }>({
      dropCount: options.u64(PACKET_OPTION.dropCount),
      packetId: options.u64(PACKET_OPTION.packetId),
      queue: options.u32(PACKET_OPTION.queue),
    }),
    comments: options.comments(),
  }
}

function named<T extends string>(body: Body, field: string, names: Readonly<Record<T, number>>, value: number): T {
  for (const name in names) if (names[name] === value) return name
  throw refuse(body, field, value, Object.values(names).join(', '))
}

function parseSimplePacket(body: Body, section: Section): PacketBlock {
  need(body, 4, 'simple packet')
  const { snaplen } = interfaceOf(body, 0, section)
  const length = body.view.getUint32(0, section.littleEndian)
  const captured = snaplen === 0 ? length : Math.min(length, snaplen)
  if (padded(captured) !== body.bytes.length - 4)
    throw refuse(body, 'captured length', captured, `what fills ${body.bytes.length - 4} bytes`)
  return {
    type: 'packet',
    interfaceId: 0,
    time: undefined,
    bytes: body.bytes.subarray(4, 4 + captured),
    length,
    direction: 'unknown',
    reception: 'unspecified',
    comments: [],
  }
}

function parseStatistics(body: Body, section: Section): StatisticsBlock {
  const { littleEndian } = section
  need(body, 12, 'interface statistics')
  const described = interfaceOf(body, body.view.getUint32(0, littleEndian), section)
  const added = addedTo(described)
  const options = optionReader(body, 12, littleEndian)
  return {
    type: 'statistics',
    interfaceId: described.id,
    time: timeAt(body.view, 4, littleEndian) + added,
    ...present<Record<'start' | 'end' | 'received' | 'dropped' | 'accepted' | 'delivered', bigint>>({
      start: options.time(STATISTICS_OPTION.start, added),
      end: options.time(STATISTICS_OPTION.end, added),
      received: options.u64(STATISTICS_OPTION.received),
      dropped: options.u64(STATISTICS_OPTION.dropped),
      accepted: options.u64(STATISTICS_OPTION.accepted),
      delivered: options.u64(STATISTICS_OPTION.delivered),
    }),
    comments: options.comments(),
  }
}
