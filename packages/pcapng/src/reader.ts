import { callable, checkOptions, integer, object, optional } from '@vmbus/world'
import { PcapngError } from './errors.ts'
import { BLOCK, BLOCK_OVERHEAD, BYTE_ORDER_MAGIC, CLASSIC_MAGIC } from './format.ts'
import { parseBlock, parseSectionHeader, type Body, type PcapngBlock, type Section } from './parse.ts'

export interface ReaderOptions {
  /** Takes each block in order. Its bytes are a private copy. */
  block(block: PcapngBlock): void
  /** Largest block taken, in bytes: the bound of the reader's memory. Default 1 MiB. */
  readonly maxBlockLength?: number
  /** Default 4096. */
  readonly maxInterfaces?: number
}

export interface PcapngReader {
  /** Takes the next bytes of the file, cut anywhere. The bytes are copied. */
  push(chunk: Uint8Array): void
  /** The file ends here; a block or section that is cut short is an error. */
  end(): void
}

const DEFAULT_MAX_BLOCK = 1 << 20
const DEFAULT_MAX_INTERFACES = 4096
const OPTIONS = object<ReaderOptions>({
  block: callable(),
  maxBlockLength: optional(integer(BLOCK_OVERHEAD)),
  maxInterfaces: optional(integer(1)),
})
/** A section's byte order is known after type, total length and magic. */
const ORDER_KNOWN = 12

/** The first word of a file that is no pcapng, by name where it has one. */
function firstWord(view: DataView): number | string {
  const classic = CLASSIC_MAGIC.some((magic) => view.getUint32(0, true) === magic || view.getUint32(0) === magic)
  return classic ? 'the magic number of a classic pcap file' : view.getUint32(0, true)
}

/** The blocks of a file as far as they have come. */
interface Reading {
  readonly options: ReaderOptions
  readonly maxBlock: number
  readonly maxInterfaces: number
  section: Section | undefined
  /** File offset at which the section must end, when its header said so. */
  sectionEnd: bigint | undefined
  /** Of the block at the front. */
  offset: number
  /** The block at the front, `length` bytes of it so far. */
  held: Uint8Array
  length: number
  failed: PcapngError | undefined
}

/**
 * Reads a capture in pieces, strictly: whatever the format does not allow is refused, nothing is guessed. After an
 * error the reader takes no more bytes.
 *
 * @throws PcapngError `VMBUS_PCAPNG_FORMAT`, OptionsError `VMBUS_OPTIONS_INVALID`
 */
export function pcapngReader(options: ReaderOptions): PcapngReader {
  checkOptions('pcapngReader', OPTIONS, options)
  const reading: Reading = {
    options,
    maxBlock: options.maxBlockLength ?? DEFAULT_MAX_BLOCK,
    maxInterfaces: options.maxInterfaces ?? DEFAULT_MAX_INTERFACES,
    section: undefined,
    sectionEnd: undefined,
    offset: 0,
    held: new Uint8Array(256),
    length: 0,
    failed: undefined,
  }
  return {
    push(chunk) {
      if (reading.failed) throw reading.failed
      try {
        consume(reading, chunk)
      } catch (error) {
        if (error instanceof PcapngError) reading.failed = error
        throw error
      }
    },
    end() {
      if (reading.failed) throw reading.failed
      const { length, section, sectionEnd, offset } = reading
      if (length > 0) throw refuse(reading, 'bytes of the last block', length, 'a whole block')
      if (section === undefined) throw refuse(reading, 'file length', offset, 'at least a section header')
      checkSectionEnd(reading, 'file end', sectionEnd)
    },
  }
}

const refuse = ({ offset }: Reading, field: string, value: number | bigint | string, allowed: string): PcapngError =>
  new PcapngError('VMBUS_PCAPNG_FORMAT', { field, value, allowed, offset })

function checkSectionEnd(reading: Reading, field: string, sectionEnd: bigint | undefined): void {
  const at = BigInt(reading.offset)
  if (sectionEnd !== undefined && sectionEnd !== at) throw refuse(reading, field, at, `${sectionEnd}`)
}

/** The byte order of the block at the front: its own if it opens a section, else its section's. */
function isLittleEndian(reading: Reading, view: DataView): boolean {
  const { section } = reading
  if (view.getUint32(0, true) !== BLOCK.sectionHeader) {
    if (section === undefined) throw refuse(reading, 'first block type', firstWord(view), 'a section header')
    return section.littleEndian
  }
  if (view.getUint32(8, true) === BYTE_ORDER_MAGIC) return true
  if (view.getUint32(8, false) === BYTE_ORDER_MAGIC) return false
  throw refuse(reading, 'byte-order magic', view.getUint32(8, true), `${BYTE_ORDER_MAGIC} in either order`)
}

function consume(reading: Reading, chunk: Uint8Array): void {
  for (let at = 0; ;) {
    const wanted = frontLength(reading)
    if (reading.length < wanted) {
      const more = Math.min(wanted - reading.length, chunk.length - at)
      if (more === 0) return
      append(reading, chunk.subarray(at, at + more))
      at += more
      continue
    }
    takeBlock(reading, wanted)
    reading.offset += wanted
    reading.length = 0
  }
}

/** Bytes to hold before the next step: enough to know the byte order, then the whole block at the front. */
function frontLength(reading: Reading): number {
  const { length, maxBlock, held } = reading
  if (length < ORDER_KNOWN) return ORDER_KNOWN
  const view = new DataView(held.buffer, held.byteOffset, held.length)
  const total = view.getUint32(4, isLittleEndian(reading, view))
  if (total < BLOCK_OVERHEAD || total > maxBlock || total % 4 !== 0)
    throw refuse(reading, 'block total length', total, `a multiple of 4 in ${BLOCK_OVERHEAD} … ${maxBlock}`)
  return total
}

function append(reading: Reading, bytes: Uint8Array): void {
  const { held, length } = reading
  if (length + bytes.length > held.length) {
    reading.held = new Uint8Array(Math.max(held.length * 2, length + bytes.length))
    reading.held.set(held.subarray(0, length))
  }
  reading.held.set(bytes, length)
  reading.length += bytes.length
}

function takeBlock(reading: Reading, total: number): void {
  const { options, offset, section, sectionEnd, maxInterfaces } = reading
  const whole = reading.held.slice(0, total)
  const view = new DataView(whole.buffer)
  const littleEndian = isLittleEndian(reading, view)
  const trailing = view.getUint32(total - 4, littleEndian)
  if (trailing !== total) throw refuse(reading, 'trailing total length', trailing, `${total}`)
  const body: Body = {
    bytes: whole.subarray(8, total - 4),
    view: new DataView(whole.buffer, 8, total - BLOCK_OVERHEAD),
    offset,
  }
  const blockType = view.getUint32(0, littleEndian)
  const end = BigInt(offset + total)
  if (blockType === BLOCK.sectionHeader) {
    checkSectionEnd(reading, 'section end', sectionEnd)
    const header = parseSectionHeader(body, littleEndian)
    reading.section = { littleEndian, interfaces: [] }
    reading.sectionEnd = header.length === undefined ? undefined : end + header.length
    options.block(header)
  } else if (section !== undefined) {
    if (sectionEnd !== undefined && end > sectionEnd)
      throw refuse(reading, 'block end', end, `inside the section, which ends at ${sectionEnd}`)
    options.block(parseBlock(blockType, body, section, maxInterfaces))
  }
}

/** All blocks of a whole capture in memory. Errors as `pcapngReader`. */
export function readPcapng(bytes: Uint8Array, options: Omit<ReaderOptions, 'block'> = {}): PcapngBlock[] {
  const blocks: PcapngBlock[] = []
  const reader = pcapngReader({ ...options, block: (block) => blocks.push(block) })
  reader.push(bytes)
  reader.end()
  return blocks
}
