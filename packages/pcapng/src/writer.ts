import {
  UNIX_EPOCH_FILE_TIME,
  callable,
  checkOptions,
  instance,
  list as listOf,
  object,
  optional,
  restoreState,
  stateForm,
  text,
  u32,
  type StateHead,
} from '@vmbus/world'
import {
  bytesOption,
  checkedU64,
  encodeBlock,
  putTime,
  textOption,
  timeOption,
  u32Option,
  u64Option,
  type RawOption,
} from './block.ts'
import { PcapngError } from './errors.ts'
import {
  BLOCK,
  BYTE_ORDER_MAGIC,
  DEFAULT_SNAPLEN,
  DIRECTION,
  INTERFACE_OPTION,
  LINKTYPE_ETHERNET,
  OPTION,
  PACKET_OPTION,
  RECEPTION,
  RESOLUTION_100NS,
  SECTION_OPTION,
  STATISTICS_OPTION,
  type Direction,
  type Reception,
} from './format.ts'

export interface WriterOptions {
  /** Takes each block as it is made, in order. The bytes are the sink's to keep. */
  write(chunk: Uint8Array): void
  readonly hardware?: string
  readonly os?: string
  readonly application?: string
  readonly comment?: string
  /** Goes on with a section whose state was saved: no new section header is written. */
  readonly resume?: WriterState
}

export interface InterfaceOptions {
  readonly name?: string
  readonly description?: string
  readonly comment?: string
  /** Default LINKTYPE_ETHERNET (1). */
  readonly linkType?: number
  /** Largest number of bytes kept of a packet; 0 is no limit. Default 262144. */
  readonly snaplen?: number
  /** Timestamps count units of 10^-resolution seconds, 0 … 19. Default 7: 100 ns. */
  readonly resolution?: number
  /** Six bytes. */
  readonly mac?: Uint8Array
  /** Bits per second. */
  readonly speed?: number | bigint
}

export interface PacketOptions {
  /** Units of the interface's resolution since 1970-01-01 UTC; see `unixTicksOf`. */
  readonly time: bigint
  readonly bytes: Uint8Array
  /** Length on the wire when `bytes` is only its beginning. Default: all of it. */
  readonly length?: number
  readonly direction?: Direction
  readonly reception?: Reception
  readonly comment?: string
  /** Packets lost by this interface between this one and the one before. */
  readonly dropCount?: number | bigint
  readonly packetId?: number | bigint
  readonly queue?: number
}

/** Interface statistics; every count since the capture began. */
export interface StatisticsOptions {
  readonly time: bigint
  readonly start?: bigint
  readonly end?: bigint
  readonly received?: number | bigint
  readonly dropped?: number | bigint
  readonly accepted?: number | bigint
  readonly delivered?: number | bigint
  readonly comment?: string
}

/** All that a writer knows: the snaplen of each interface that it described. */
export interface WriterState extends StateHead {
  readonly snaplens: readonly number[]
}

const STATE = stateForm<{ readonly snaplens: readonly number[] }>('pcapng', 1, { snaplens: listOf(u32) })

const WRITER = object<WriterOptions>({
  write: callable(),
  hardware: optional(text),
  os: optional(text),
  application: optional(text),
  comment: optional(text),
  resume: optional(instance<WriterState>()),
})

export interface PcapngWriter {
  /** Describes an interface and returns its id, counted from 0. */
  addInterface(options?: InterfaceOptions): number
  packet(interfaceId: number, packet: PacketOptions): void
  statistics(interfaceId: number, statistics: StatisticsOptions): void
  save(): WriterState
}

/** Unix time in 100 ns units (resolution 7) of a FILETIME, which is what a partition's clock gives. */
export const unixTicksOf = (fileTime: bigint): bigint => fileTime - UNIX_EPOCH_FILE_TIME

/**
 * Writes one little-endian section, block by block: memory is bounded by one block. Every call hands its block to
 * `write` before it returns.
 *
 * @throws PcapngError `VMBUS_PCAPNG_ARGUMENT`, OptionsError `VMBUS_OPTIONS_INVALID`, StateError `VMBUS_STATE_INVALID`
 */
export function pcapngWriter(options: WriterOptions): PcapngWriter {
  checkOptions('pcapngWriter', WRITER, options)
  const snaplens: number[] = options.resume === undefined ? [] : [...restoreState(options.resume, STATE).snaplens]
  if (options.resume === undefined) options.write(sectionHeader(options))

  const snaplenOf = (id: number): number => {
    const snaplen = snaplens[id]
    if (snaplen === undefined) throw refuse('interface id', id, `0 … ${snaplens.length - 1}`)
    return snaplen
  }

  return {
    addInterface(description = {}) {
      const snaplen = checkedU32('snaplen', description.snaplen ?? DEFAULT_SNAPLEN)
      options.write(interfaceDescription(description, snaplen))
      return snaplens.push(snaplen) - 1
    },
    packet(id, packet) {
      options.write(enhancedPacket(id, snaplenOf(id), packet))
    },
    statistics(id, statistics) {
      snaplenOf(id)
      options.write(interfaceStatistics(id, statistics))
    },
    save: () => ({ ...STATE.head, snaplens: [...snaplens] }),
  }
}

function sectionHeader(options: WriterOptions): Uint8Array {
  const list: RawOption[] = []
  if (options.comment !== undefined) list.push(textOption('comment', OPTION.comment, options.comment))
  if (options.hardware !== undefined) list.push(textOption('hardware', SECTION_OPTION.hardware, options.hardware))
  if (options.os !== undefined) list.push(textOption('os', SECTION_OPTION.os, options.os))
  if (options.application !== undefined)
    list.push(textOption('application', SECTION_OPTION.application, options.application))
  return encodeBlock(BLOCK.sectionHeader, 16, undefined, list, (view, body) => {
    view.setUint32(body, BYTE_ORDER_MAGIC, true)
    view.setUint16(body + 4, 1, true) // version 1.0
    view.setBigInt64(body + 8, -1n, true) // length not given: the section is written as it grows
  })
}

function interfaceDescription(options: InterfaceOptions, snaplen: number): Uint8Array {
  const resolution = options.resolution ?? RESOLUTION_100NS
  if (!Number.isInteger(resolution) || resolution < 0 || resolution > 19)
    throw refuse('resolution', resolution, '0 … 19')
  const linkType = options.linkType ?? LINKTYPE_ETHERNET
  if (!Number.isInteger(linkType) || linkType < 0 || linkType > 0xffff) throw refuse('linkType', linkType, '0 … 65535')
  const list: RawOption[] = []
  if (options.comment !== undefined) list.push(textOption('comment', OPTION.comment, options.comment))
  if (options.name !== undefined) list.push(textOption('name', INTERFACE_OPTION.name, options.name))
  if (options.description !== undefined)
    list.push(textOption('description', INTERFACE_OPTION.description, options.description))
  if (options.mac !== undefined) {
    if (options.mac.length !== 6) throw refuse('mac length', options.mac.length, '6')
    list.push(bytesOption('mac', INTERFACE_OPTION.mac, options.mac))
  }
  if (options.speed !== undefined) list.push(u64Option('speed', INTERFACE_OPTION.speed, options.speed))
  list.push({ code: INTERFACE_OPTION.resolution, value: Uint8Array.of(resolution) })
  return encodeBlock(BLOCK.interfaceDescription, 8, undefined, list, (view, body) => {
    view.setUint16(body, linkType, true)
    view.setUint32(body + 4, snaplen, true)
  })
}

function enhancedPacket(id: number, snaplen: number, packet: PacketOptions): Uint8Array {
  const time = checkedU64('time', packet.time)
  const length = checkedU32('length', packet.length ?? packet.bytes.length)
  if (length < packet.bytes.length) throw refuse('length', length, `at least the ${packet.bytes.length} bytes given`)
  const kept = snaplen === 0 || packet.bytes.length <= snaplen ? packet.bytes : packet.bytes.subarray(0, snaplen)
  const list: RawOption[] = []
  if (packet.comment !== undefined) list.push(textOption('comment', OPTION.comment, packet.comment))
  const { direction = 'unknown', reception = 'unspecified' } = packet
  if (!Object.hasOwn(DIRECTION, direction)) throw refuse('direction', direction, Object.keys(DIRECTION).join(', '))
  if (!Object.hasOwn(RECEPTION, reception)) throw refuse('reception', reception, Object.keys(RECEPTION).join(', '))
  const flags = DIRECTION[direction] | (RECEPTION[reception] << 2)
  if (flags !== 0) list.push(u32Option(PACKET_OPTION.flags, flags))
  if (packet.dropCount !== undefined) list.push(u64Option('dropCount', PACKET_OPTION.dropCount, packet.dropCount))
  if (packet.packetId !== undefined) list.push(u64Option('packetId', PACKET_OPTION.packetId, packet.packetId))
  if (packet.queue !== undefined) list.push(u32Option(PACKET_OPTION.queue, checkedU32('queue', packet.queue)))
  return encodeBlock(BLOCK.enhancedPacket, 20, kept, list, (view, body) => {
    view.setUint32(body, id, true)
    putTime(view, body + 4, time)
    view.setUint32(body + 12, kept.length, true)
    view.setUint32(body + 16, length, true)
  })
}

function interfaceStatistics(id: number, statistics: StatisticsOptions): Uint8Array {
  const time = checkedU64('time', statistics.time)
  const list: RawOption[] = []
  if (statistics.comment !== undefined) list.push(textOption('comment', OPTION.comment, statistics.comment))
  if (statistics.start !== undefined) list.push(timeOption('start', STATISTICS_OPTION.start, statistics.start))
  if (statistics.end !== undefined) list.push(timeOption('end', STATISTICS_OPTION.end, statistics.end))
  for (const field of ['received', 'dropped', 'accepted', 'delivered'] as const) {
    const value = statistics[field]
    if (value !== undefined) list.push(u64Option(field, STATISTICS_OPTION[field], value))
  }
  return encodeBlock(BLOCK.interfaceStatistics, 12, undefined, list, (view, body) => {
    view.setUint32(body, id, true)
    putTime(view, body + 4, time)
  })
}

const refuse = (field: string, value: number | string, allowed: string): PcapngError =>
  new PcapngError('VMBUS_PCAPNG_ARGUMENT', { field, value, allowed })

function checkedU32(field: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw refuse(field, value, '0 … 2^32-1')
  return value
}
