import { describe, expect, test } from 'vitest'
import { balloonFloor } from '../src/floor.ts'
import {
  DmType,
  MAX_RANGES,
  balloonRequest,
  balloonResponse,
  capabilities,
  capabilitiesResponse,
  hotAddRequest,
  hotAddRequestShort,
  hotAddResponse,
  infoMessage,
  maxPageCountInfo,
  packRun,
  packRuns,
  statusReport,
  unballoonRequest,
  unballoonResponse,
  unpackRun,
  unpackRuns,
  versionRequest,
  versionResponse,
} from '../src/protocol.ts'

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
const RANGES = hex('3412000000 000200 0100000000 000100')
/** 16 bytes of ranges that follow a fixed part, announced by `more` and their count. */
const twoRanges = { more: 1, rangeCount: 2 }

/** Typed by hand from wire/07 §1 (Linux hv_balloon.c, QEMU dynmem-proto.h). */
const vectors = [
  {
    layout: versionRequest,
    value: { type: 1, size: 16, transId: 1, version: 0x2_0000, flags: { isLastAttempt: 0 } },
    wire: '0100 1000 01000000 00000200 00000000',
  },
  {
    layout: versionRequest,
    value: { type: 1, size: 16, transId: 3, version: 3, flags: { isLastAttempt: 1 } },
    wire: '0100 1000 03000000 03000000 01000000',
  },
  {
    layout: versionResponse,
    value: { type: 2, size: 16, transId: 1, flags: { isAccepted: 1 } },
    wire: '0200 1000 01000000 01000000 00000000',
  },
  {
    layout: capabilities,
    value: {
      type: 3,
      size: 32,
      transId: 2,
      caps: { balloon: 1, hotAdd: 1, hotAddAlignment: 7 },
      minPageCount: 5,
      maxPageNumber: 9,
    },
    wire: '0300 2000 02000000 1f000000 00000000 0500000000000000 0900000000000000',
  },
  {
    layout: capabilitiesResponse,
    value: { type: 4, size: 16, transId: 2, flags: { isAccepted: 1, hotRemove: 1, suppressPressureReports: 1 } },
    wire: '0400 1000 02000000 07000000 00000000',
  },
  {
    layout: statusReport,
    value: {
      type: 5,
      size: 48,
      transId: 7,
      available: 0x1_0000_0001,
      committed: 2,
      pageFileSize: 3,
      zeroFree: 4,
      pageFileWrites: 5,
      ioDifference: 6,
    },
    wire: '0500 3000 07000000 0100000001000000 0200000000000000 0300000000000000 0400000000000000 05000000 06000000',
  },
  {
    layout: balloonRequest,
    value: { type: 6, size: 16, transId: 4, pages: 0x12345, reserved: 0 },
    wire: '0600 1000 04000000 45230100 00000000',
  },
  {
    layout: balloonResponse,
    value: { type: 7, size: 32, transId: 8, reserved: 0, flags: twoRanges, ranges: RANGES },
    wire: '0700 2000 08000000 00000000 05000000 3412000000000200 0100000000000100',
  },
  {
    layout: unballoonRequest,
    value: { type: 8, size: 32, transId: 5, flags: { more: 1 }, rangeCount: 2, ranges: RANGES },
    wire: '0800 2000 05000000 01000000 02000000 3412000000000200 0100000000000100',
  },
  { layout: unballoonResponse, value: { type: 9, size: 8, transId: 9 }, wire: '0900 0800 09000000' },
  {
    layout: hotAddRequestShort,
    value: { type: 10, size: 16, transId: 6, range: 0x8000_00_0001_0000n },
    wire: '0a00 1000 06000000 0000010000 008000',
  },
  {
    layout: hotAddRequest,
    value: { type: 10, size: 24, transId: 6, range: 0x8000_00_0001_0000n, region: 1n },
    wire: '0a00 1800 06000000 0000010000 008000 0100000000000000',
  },
  {
    layout: hotAddResponse,
    value: { type: 11, size: 16, transId: 10, pages: 0x8000, result: 1 },
    wire: '0b00 1000 0a000000 00800000 01000000',
  },
  {
    layout: infoMessage,
    value: { type: 12, size: 18, transId: 1, reserved: 0, infoSize: 2, info: hex('abcd') },
    wire: '0c00 1200 01000000 00000000 02000000 abcd',
  },
  {
    layout: maxPageCountInfo,
    value: { type: 0, dataSize: 8, pages: 0x10_0000 },
    wire: '00000000 08000000 0000100000000000',
  },
]

describe.each(vectors)('$layout.name', ({ layout, value, wire }) => {
  test('encodes and decodes as the wire has it', () => {
    const bytes = hex(wire)
    // Each layout takes values of its own; the table says which.
    const codec = layout as { toBytes(value: unknown): Uint8Array; parse(bytes: Uint8Array): unknown }
    expect(codec.toBytes(value)).toEqual(bytes)
    expect(codec.parse(bytes)).toMatchObject(value)
  })
})

test('a range is a start of 40 bits and a count of 24', () => {
  expect(unpackRun(0xffffff_fffffffffen)).toEqual({ start: 0xff_ffff_fffe, count: 0xff_ffff })
  expect(packRun({ start: 0xff_ffff_fffe, count: 0xff_ffff })).toBe(0xffffff_fffffffffen)
  expect(
    packRuns([
      { start: 0x1234, count: 0x200 },
      { start: 1, count: 0x100 },
    ]),
  ).toEqual(RANGES)
})

test('no more ranges are read than there are bytes, nor than a message can hold', () => {
  expect(unpackRuns(RANGES, 0, 2)).toEqual([
    { start: 0x1234, count: 0x200 },
    { start: 1, count: 0x100 },
  ])
  expect(unpackRuns(RANGES, 0, 3)).toBeUndefined()
  expect(unpackRuns(RANGES, 8, 2)).toBeUndefined()
  expect(MAX_RANGES).toBe(510)
  expect(unpackRuns(new Uint8Array(8 * 511), 0, 511)).toBeUndefined()
})

/** Pages, from the table of wire/07 §3 in MiB: total and floor of each kink, on both sides. */
test.each([
  [0, 8 * 256],
  [64, (8 + 32) * 256],
  [128, (40 + 32) * 256],
  [256, (40 + 64) * 256],
  [512, (104 + 64) * 256],
  [1024, (104 + 128) * 256],
  [2048, (232 + 128) * 256],
  [4096, (232 + 256) * 256],
  [8192, (488 + 256) * 256],
  [65_536, (488 + 2048) * 256],
])('a guest of %i MiB keeps %i pages', (mib, floor) => {
  expect(balloonFloor(mib * 256)).toBe(floor)
  // Continuous: a page less changes the floor by a page at most.
  if (mib > 0) expect(floor - balloonFloor(mib * 256 - 1)).toBeLessThanOrEqual(1)
})

test('messages have the numbers of Linux drivers/hv/hv_balloon.c, enum dm_message_type, and of QEMU dynmem-proto.h', () => {
  expect(DmType).toEqual({
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
  })
})
