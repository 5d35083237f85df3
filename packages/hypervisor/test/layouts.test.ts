import { expect, test } from 'vitest'
import * as hv from '../src/index.ts'

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('')

test('encodings against bytes typed by hand', () => {
  const header = {
    messageType: 0x8000_0010,
    payloadSize: 24,
    messageFlags: { value: { messagePending: 1 } },
    sender: 0x0102_0304_0506_0708n,
  }
  expect(hex(hv.hvMessageHeader.toBytes(header))).toBe('10000080180100000807060504030201')
  expect(hex(hv.hvInputSignalEvent.toBytes({ connectionId: 0x2005, flagNumber: 3 }))).toBe('0520000003000000')
  expect(hex(hv.hypercallInputValue.toBytes({ value: { callCode: 0x5d, fast: 1 } }))).toBe('5d00010000000000')
  expect(
    hex(
      hv.hypercallInputValue.toBytes({
        value: { callCode: 2, variableHeaderSize: 1, repCount: 5, repStart: 3, nested: 1 },
      }),
    ),
  ).toBe('0200028005000300')
  expect(hex(hv.hypercallResultValue.toBytes({ value: { result: 0x12, repsCompleted: 0xabc } }))).toBe(
    '12000000bc0a0000',
  )
  expect(hex(hv.hvSynicSint.toBytes({ value: { vector: 0xf3, masked: 1, polling: 1 } }))).toBe('f300050000000000')
  expect(
    hex(hv.hvStimerConfig.toBytes({ value: { enable: 1, autoEnable: 1, apicVector: 0xed, directMode: 1, sint: 2 } })),
  ).toBe('d91e020000000000')
  expect(hex(hv.hvSynicSimp.toBytes({ value: { enabled: 1, pfn: 0x1_2345 } }))).toBe('0150341200000000')
  expect(hex(hv.hvTimerMessagePayload.toBytes({ timerIndex: 3, expirationTime: 1n, deliveryTime: 2n }))).toBe(
    '030000000000000001000000000000000200000000000000',
  )
  expect(hex(hv.hvReferenceTscPage.toBytes({ tscSequence: 1, tscScale: 2n, tscOffset: -1n }))).toBe(
    '01000000000000000200000000000000ffffffffffffffff',
  )
})

test('the numbers of the TLFS: message types, call codes, the fast bit, sizes of a slot and of its flags', () => {
  expect(hv.MESSAGE_TYPE).toEqual({ none: 0, vmbus: 1, timerExpired: 0x8000_0010 })
  expect(hv.HYPERCALL).toEqual({ postMessage: 0x5c, signalEvent: 0x5d })
  expect([hv.HYPERCALL_FAST, hv.VMBUS_SINT]).toEqual([0x1_0000, 2])
  expect([hv.SLOT_BYTES, hv.PAYLOAD_OFFSET, hv.MAX_PAYLOAD, hv.FLAGS_PER_SINT]).toEqual([256, 16, 240, 2048])
  // Byte 5 of a slot, in the word of bytes 4 to 7.
  expect(hv.MESSAGE_PENDING).toBe(0x100)
})

test('offsets that wire/01 states', () => {
  expect(hv.hvMessage.offsets).toEqual({ header: 0, payload: 16 })
  expect(hv.hvInputPostMessage.offsets).toMatchObject({ connectionId: 0, messageType: 8, payloadSize: 12, payload: 16 })
  expect(hv.hvMonitorPage.offsets).toMatchObject({
    triggerState: 0,
    triggerGroup: 8,
    nextCheckTime: 0x40,
    latency: 0x240,
    parameter: 0x440,
  })
  expect([hv.SLOT_BYTES, hv.MAX_PAYLOAD, hv.FLAGS_PER_SINT, hv.MESSAGE_PENDING]).toEqual([256, 240, 2048, 0x100])
})

test('statuses have names', () => {
  expect([hv.hvStatusName(0), hv.hvStatusName(0x12), hv.hvStatusName(0x7777)]).toEqual([
    'success',
    'invalidConnectionId',
    '0x7777',
  ])
})
