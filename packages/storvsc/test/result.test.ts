import { expect, test } from 'vitest'
import { CORRECT, LINUX, type StorvscBehaviour } from '../src/guest/index.ts'
import { resultOf, unitChanged } from '../src/guest/result.ts'
import { Op, ntStatusOf } from '../src/protocol/index.ts'

/** A completed request: SRB status, SCSI status, transfer length, key and additional sense. */
function decode(
  srb: number,
  scsi: number,
  transferred: number,
  sense?: [number, number],
  opcode: number = Op.read10,
  behaviour: StorvscBehaviour = CORRECT,
) {
  const view = new DataView(new ArrayBuffer(52))
  view.setUint8(2, srb)
  view.setUint8(3, scsi)
  view.setUint8(9, 20)
  view.setUint32(12, transferred, true)
  if (sense !== undefined) {
    view.setUint8(16, 0x70)
    view.setUint8(18, sense[0])
    view.setUint16(28, sense[1])
  }
  return resultOf(view, 0, opcode, 4096, behaviour)
}

test.each([
  ['success', decode(0x01, 0, 4096), 'good', 4096],
  ['success with the queue frozen', decode(0x41, 0, 4096), 'good', 4096],
  ['more than was asked for', decode(0x01, 0, 9999), 'good', 4096],
  ['less', decode(0x01, 0, 512), 'good', 512],
  ['pending: the host refused the packet', decode(0x00, 0, 4096), 'error', 0],
  ['sense', decode(0x84, 2, 4096, [3, 0x1100]), 'check-condition', 0],
  ['sense that is not valid', decode(0x04, 2, 0, [3, 0x1100]), 'error', 0],
  ['error with a good SCSI status', decode(0x04, 0, 4096), 'error', 0],
  ['success with a bad SCSI status and no sense', decode(0x01, 2, 4096), 'error', 4096],
  ['ATA', decode(0x06, 2, 0, undefined, Op.ataPassThrough16), 'passthrough', 0],
  ['busy', decode(0x05, 8, 0), 'busy', 0],
  ['reserved by another', decode(0x04, 0x18, 0), 'reservation-conflict', 0],
  ['invalid LUN with flags', decode(0xe0, 2, 0), 'no-connect', 0],
  ['no device', decode(0x08, 0, 0), 'no-connect', 0],
  ['overrun', decode(0x12, 2, 100), 'overrun', 100],
  ['overrun with sense keeps its length', decode(0x92, 2, 100, [5, 0x2400]), 'overrun', 100],
  ['bus reset', decode(0x0e, 0, 4096), 'error', 0],
])('%s', (_name, result, outcome, transferred) =>
  expect([result.outcome, result.transferred]).toEqual([outcome, transferred]),
)

test('decoding is total, and nothing but success is success', () => {
  for (let srb = 0; srb < 256; srb++) {
    for (const scsi of [0, 2, 8, 0x18, 0x40, 0xff]) {
      const { outcome } = decode(srb, scsi, 4096, [6, 0x2a09])
      expect(outcome === 'good').toBe((srb & 0x3f) === 1 && scsi === 0)
    }
  }
})

test('what makes a driver look at the unit again', () => {
  expect(unitChanged(decode(0x84, 2, 0, [6, 0x2a09]))).toBe(true)
  expect(unitChanged(decode(0xc2, 2, 0, [6, 0x3f10]))).toBe(true)
  expect(unitChanged(decode(0x84, 2, 0, [6, 0x3f03]))).toBe(false)
  expect(unitChanged(decode(0x84, 2, 0, [6, 0x3f0e]))).toBe(false)
  expect(unitChanged(decode(0x04, 2, 0, [6, 0x2a09]))).toBe(false)
  expect(unitChanged(decode(0x81, 2, 0, [6, 0x2a09]))).toBe(false)
})

test('Linux takes failed INQUIRY and MODE SENSE for success, and compares the raw overrun status', () => {
  const linux = { ...CORRECT, ...LINUX }
  for (const opcode of [0x12, 0x1a, 0x5a])
    expect(decode(0x86, 2, 36, [5, 0x2400], opcode, linux)).toMatchObject({ outcome: 'good', transferred: 36 })
  expect(decode(0x86, 2, 36, [5, 0x2400], 0x28, linux).outcome).toBe('check-condition')
  expect(decode(0x92, 2, 100, [5, 0x2400], 0x28, linux).transferred).toBe(0)
  expect(decode(0x12, 2, 100, undefined, 0x28, linux).transferred).toBe(100)
})

test.each([
  [0x01, 0],
  [0x05, 0x80000011],
  [0x20, 0xc00000c0],
  [0x21, 0xc00000c0],
  [0x08, 0xc00000c0],
  [0x11, 0xc00000c0],
  [0x09, 0xc00000b5],
  [0x0b, 0xc00000b5],
  [0x0a, 0xc000009d],
  [0x22, 0xc0000010],
  [0x15, 0xc0000010],
  [0x12, 0x80000005],
  [0x16, 0xc0000001],
  [0x02, 0xc0000120],
  [0x04, 0xc0000185],
  [0x06, 0xc0000185],
])('SRB status %i is NTSTATUS %i', (code, status) => expect(ntStatusOf(code)).toBe(status))
