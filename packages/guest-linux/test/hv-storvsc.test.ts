import { expect, test } from 'vitest'
import { linux } from '../src/index.ts'
import { storvscBehaviour } from '../src/modules/hv-storvsc.ts'

test.each([
  // INQUIRY, MODE SENSE (6) and (10), whose failures older and newer drivers do not believe.
  ['5.10', true, { forcedSuccess: [0x12, 0x1a, 0x5a], rawOverrun: true, firstPacketBytes: 48, asksForRoom: false }],
  ['5.10', false, { forcedSuccess: [], rawOverrun: false, firstPacketBytes: 48, asksForRoom: false }],
  ['6.1', true, { forcedSuccess: [0x12, 0x1a, 0x5a], rawOverrun: true, asksForRoom: false }],
  ['6.1', false, { forcedSuccess: [], rawOverrun: false, asksForRoom: false }],
])('the storage driver of Linux %s, with its defects: %s', (kernel, quirks, expected) => {
  expect(storvscBehaviour(linux(kernel, { quirks }))).toEqual(expected)
})

test('pages of product data are asked for in their own length from 5.18', () => {
  expect(['3.10', '5.17', '5.18', '6.1'].map((kernel) => linux(kernel).capabilities.sizedPages)).toEqual([
    false,
    false,
    true,
    true,
  ])
})
