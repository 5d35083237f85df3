import { integer, object, type Shape } from '@vmbus/world'
import { bits, rest, struct, u16, u32, u64, u64n, rounded } from '@vmbus/layout'

export const BALLOON_INTERFACE = '525074dc-8985-46e2-8057-a307dc18a502'
/** Instance that Hyper-V itself offers. */
export const BALLOON_INSTANCE = '1eccfd72-4b41-45ef-b73a-4a6e44c12924'

/** Message types (Linux drivers/hv/hv_balloon.c, enum dm_message_type; 13 and 14 QEMU dynmem-proto.h). */
export const DmType = {
  error: 0,
  versionRequest: 1,
  versionResponse: 2,
  capabilitiesReport: 3,
  capabilitiesResponse: 4,
  statusReport: 5,
  balloonRequest: 6,
  balloonResponse: 7,
  unballoonRequest: 8,
  unballoonResponse: 9,
  hotAddRequest: 10,
  hotAddResponse: 11,
  infoMessage: 12,
  hotRemoveRequest: 13,
  hotRemoveResponse: 14,
} as const

/** major << 16 | minor. */
export const DmVersion = { v0_3: 0x0003, v1_0: 0x1_0000, v2_0: 0x2_0000 } as const
export const DM_VERSIONS: readonly number[] = [DmVersion.v0_3, DmVersion.v1_0, DmVersion.v2_0]

const header = { type: u16, size: u16, transId: u32 } as const

export const dmHeader = struct('dm_header', header, { size: 8 })
export const versionRequest = struct(
  'dm_version_request',
  { ...header, version: u32, flags: bits(u32, { isLastAttempt: 1, _reserved: 31 }) },
  { size: 16 },
)
export const versionResponse = struct(
  'dm_version_response',
  { ...header, flags: bits(u64, { isAccepted: 1, _reserved: 63 }) },
  { size: 16 },
)
export const capabilities = struct(
  'dm_capabilities',
  {
    ...header,
    /** `hotAddAlignment`: 2^n MiB. */
    caps: bits(u64, { balloon: 1, hotAdd: 1, hotAddAlignment: 4, _reserved: 58 }),
    minPageCount: rounded(u64n),
    maxPageNumber: rounded(u64n),
  },
  { size: 32 },
)
export const capabilitiesResponse = struct(
  'dm_capabilities_resp_msg',
  { ...header, flags: bits(u64, { isAccepted: 1, hotRemove: 1, suppressPressureReports: 1, _reserved: 61 }) },
  { size: 16 },
)
export const statusReport = struct(
  'dm_status',
  {
    ...header,
    available: rounded(u64n),
    committed: rounded(u64n),
    pageFileSize: rounded(u64n),
    zeroFree: rounded(u64n),
    pageFileWrites: u32,
    ioDifference: u32,
  },
  { size: 48 },
)
export const balloonRequest = struct('dm_balloon', { ...header, pages: u32, reserved: u32 }, { size: 16 })
/** Ranges follow. `more` is bit 0 of the word that counts them. */
export const balloonResponse = struct(
  'dm_balloon_response',
  { ...header, reserved: u32, flags: bits(u32, { more: 1, rangeCount: 31 }), ranges: rest },
  { size: 16 },
)
/** Ranges follow. Here `more` is bit 0 of a word of its own. */
export const unballoonRequest = struct(
  'dm_unballoon_request',
  { ...header, flags: bits(u32, { more: 1, _reserved: 31 }), rangeCount: u32, ranges: rest },
  { size: 16 },
)
export const unballoonResponse = struct('dm_unballoon_response', header, { size: 8 })
/** The long form, with the region that the range lies in. */
export const hotAddRequest = struct('dm_hot_add_with_region', { ...header, range: u64, region: u64 }, { size: 24 })
/** The short form: the region is the range, widened to the guest's alignment. */
export const hotAddRequestShort = struct('dm_hot_add', { ...header, range: u64 }, { size: 16 })
export const hotAddResponse = struct('dm_hot_add_response', { ...header, pages: u32, result: u32 }, { size: 16 })
export const infoMessage = struct('dm_info_msg', { ...header, reserved: u32, infoSize: u32, info: rest }, { size: 16 })
/** The only information there is: most pages that the guest may ever have. */
export const maxPageCountInfo = struct('dm_info_header', { type: u32, dataSize: u32, pages: u64n }, { size: 16 })

/** Hot remove is in QEMU's header alone (dynmem-proto.h): neither end here sends it. `qos`: 1 large pages, 2 local ones. */
export const hotRemoveRequest = struct(
  'qemu_dm_hot_remove',
  { ...header, virtualNode: u32, pageCount: u32, qos: u32, reserved: u32 },
  { size: 24 },
)
export const hotRemoveResponse = struct(
  'qemu_dm_hot_remove_response',
  { ...header, result: u32, rangeCount: u32, flags: bits(u64, { more: 1, _reserved: 63 }), ranges: rest },
  { size: 24 },
)

/** Largest message: one page (Linux balloon_up, HV_HYP_PAGE_SIZE). */
export const MAX_MESSAGE = 4096
/** Ranges that fit one message. */
export const MAX_RANGES: number = (MAX_MESSAGE - 16) / 8
/** Pages of a 2 MiB chunk, the largest unit that a guest takes out at once. */
export const CHUNK_PAGES = 512
/** Hot add alignment that Linux reports: 2^7 MiB. */
export const LINUX_HOT_ADD_ALIGNMENT = 7
/** Ring in pages, control page included: Linux asks for 16 KiB + 4096. */
export const BALLOON_RING_PAGES = 5

/** Bounds of a range word's fields: start page in bits 0–39, page count in bits 40–63. */
export const START_LIMIT: number = 2 ** 40
export const COUNT_LIMIT: number = 2 ** 24 - 1

export interface PageRun {
  /** First page frame number. */
  readonly start: number
  readonly count: number
}

export const pageRun: Shape<PageRun> = object({
  start: integer(0, START_LIMIT - 1),
  count: integer(0, START_LIMIT),
})

export const packRun = ({ start, count }: PageRun): bigint => BigInt(start) | (BigInt(count) << 40n)

export const unpackRun = (word: bigint): PageRun => ({
  start: Number(word & BigInt(START_LIMIT - 1)),
  count: Number(word >> 40n),
})

/** The ranges in the tail of a message; undefined when it holds fewer than it announces. */
export function unpackRuns(bytes: Uint8Array, at: number, count: number): PageRun[] | undefined {
  if (count > MAX_RANGES || at + 8 * count > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: count }, (_, i) => unpackRun(view.getBigUint64(at + 8 * i, true)))
}

/** Ranges as the tail of a message; no run may be longer than a word can count. */
export function packRuns(runs: readonly PageRun[]): Uint8Array {
  const bytes = new Uint8Array(8 * runs.length)
  const view = new DataView(bytes.buffer)
  runs.forEach((run, i) => view.setBigUint64(8 * i, packRun(run), true))
  return bytes
}
