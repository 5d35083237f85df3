import { fcopy, type CopyResult, type FcopyGuestOptions } from '@vmbus/fcopy'
import { FCOPY_INSTANCE, FCOPY_INTERFACE } from '@vmbus/fcopy/protocol'
import { icVersion } from '@vmbus/ic'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { rawDriver } from '@vmbus/testbench'
import { describe, expect, it } from 'vitest'
import { disk } from './disk.ts'

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

const world = worlds('deferred')
/** Framework 3.0 and message 1.1, alone. */
const AGREEMENT = '0100 0100 00000000 03000000 01000100'
const S_OK = '00000000'
const E_FAIL = '05400080'
const E_INVALIDARG = '57000780'

describe('a guest', () => {
  /** A message of `length` bytes: the operation, then what stands where (Linux include/uapi/linux/hyperv.h). */
  const message = (length: number, operation: number, parts: Readonly<Record<number, string>> = {}): Uint8Array => {
    const body = new Uint8Array(length)
    body[0] = operation
    for (const [at, text] of Object.entries(parts)) body.set(bytesOf(text), Number(at))
    return body
  }
  /** Of `/in/f`; the flags, then the size in 64 bits. */
  const start = (size: string) => message(1088, 0, { 36: '6600', 556: '2f00 6900 6e00', 1076: '00000000', 1080: size })
  /** The offset in 64 bits and the length, then data. */
  const data = (offset: string, length: string, bytes = '') => message(6196, 1, { 40: offset, 48: length, 52: bytes })
  const COMPLETE = message(36, 2)
  const CANCEL = message(36, 3)
  const TEN = start('0a00000000000000')
  const FIRST_FOUR = data('0000000000000000', '04000000', '61626364')

  const given = (messages: readonly Uint8Array[], options: Partial<FcopyGuestOptions> = {}) => {
    const { files, os } = disk()
    const answers: Uint8Array[] = []
    const requests = [
      requestOf(0, 0, bytesOf(AGREEMENT)),
      ...messages.map((body) => requestOf(7, icVersion(1, 1), body)),
    ]
    const made = world(
      rawComponent(FCOPY_INTERFACE, FCOPY_INSTANCE, requests, answers),
      fcopy.driver({ files: os, ...options }),
    )
    made.run(1)
    return {
      statuses: answers.slice(1).map((answer) => hex(answer.subarray(20, 24))),
      files: Object.fromEntries([...files].map(([path, bytes]) => [path, Buffer.from(bytes).toString()])),
    }
  }
  const PARTIAL = '/in/.vmbus-copy'

  it.each<[string, readonly Uint8Array[], readonly string[], Readonly<Record<string, string>>]>([
    [
      'takes a file in two blocks, the second of which repeats a byte',
      [TEN, FIRST_FOUR, data('0300000000000000', '07000000', '44656667686970'), COMPLETE],
      [S_OK, S_OK, S_OK, S_OK],
      { '/in/f': 'abcDefghip' },
    ],
    [
      'counts a block that comes twice once',
      [TEN, FIRST_FOUR, FIRST_FOUR, data('0000000000000000', '01000000', '41'), COMPLETE],
      [S_OK, S_OK, S_OK, S_OK, E_FAIL],
      {},
    ],
    [
      'takes no hole',
      [TEN, FIRST_FOUR, data('0500000000000000', '01000000')],
      [S_OK, S_OK, E_INVALIDARG],
      { [PARTIAL]: 'abcd' },
    ],
    [
      'takes no byte beyond the size',
      [TEN, FIRST_FOUR, data('0400000000000000', '07000000')],
      [S_OK, S_OK, E_INVALIDARG],
      { [PARTIAL]: 'abcd' },
    ],
    ['takes no offset of 2^53', [TEN, data('0000000000002000', '01000000')], [S_OK, E_INVALIDARG], { [PARTIAL]: '' }],
    [
      'joins a name to a folder that ends in a slash',
      [message(1088, 0, { 36: '6600', 556: '2f00 6900 6e00 2f00' }), COMPLETE],
      [S_OK, S_OK],
      { '/in/f': '' },
    ],
    ['takes no size of 2^53', [start('0000000000002000')], [E_INVALIDARG], {}],
    ['begins a file of a byte less', [start('ffffffffffff1f00')], [S_OK], { [PARTIAL]: '' }],
    [
      'takes no block of more than 6144 bytes',
      [start('0018000000000000'), data('0000000000000000', '01180000')],
      [S_OK, E_INVALIDARG],
      { [PARTIAL]: '' },
    ],
    [
      'takes blocks of 6144 bytes',
      [start('0018000000000000'), data('0000000000000000', '00180000', '61'.repeat(6144)), COMPLETE],
      [S_OK, S_OK, S_OK],
      { '/in/f': 'a'.repeat(6144) },
    ],
    ['takes no start that is short', [TEN.subarray(0, 1087)], [E_INVALIDARG], {}],
    ['takes no data that are short', [TEN, FIRST_FOUR.subarray(0, 6195)], [S_OK, E_INVALIDARG], { [PARTIAL]: '' }],
    ['takes nothing without its header', [COMPLETE.subarray(0, 35)], [E_INVALIDARG], {}],
    ['takes no other operation', [TEN, message(6196, 4)], [S_OK, E_INVALIDARG], { [PARTIAL]: '' }],
    ['has nothing to complete', [COMPLETE], [E_FAIL], {}],
    ['has nothing to write into', [FIRST_FOUR], [E_FAIL], {}],
    ['ends a copy by cancel', [TEN, FIRST_FOUR, CANCEL, COMPLETE], [S_OK, S_OK, S_OK, E_FAIL], {}],
    ['has nothing to cancel, and says so to nobody', [CANCEL], [S_OK], {}],
    [
      'forgets one copy when the next begins',
      [TEN, FIRST_FOUR, start('0100000000000000'), data('0000000000000000', '01000000', '7a'), COMPLETE],
      [S_OK, S_OK, S_OK, S_OK, S_OK],
      { '/in/f': 'z' },
    ],
  ])('%s', (_, messages, statuses, files) => {
    expect(given(messages)).toEqual({ statuses, files })
  })

  it('that trusts offsets, as Linux’s daemon, leaves holes and completes what is not whole', () => {
    const messages = [TEN, data('0200000000000000', '01000000', '63'), COMPLETE]
    expect(given(messages, { quirks: ['trusts-offsets'] })).toEqual({
      statuses: [S_OK, S_OK, S_OK],
      files: { '/in/f': '\0\0c' },
    })
  })
})

describe('a host', () => {
  const source = { read: () => true }

  it('offers framework 1.0 and 3.0 and message 1.1', () => {
    const { os } = disk()
    const made = world(fcopy({ source }), fcopy.driver({ files: os }))
    made.run(1)
    // 20 bytes of header and 8 + 3 * 4 of body are the pipe's 40.
    const versions = '0200 0100 00000000 01000000 03000000 01000100'
    expect(hex(made.messages[0]?.bytes)).toBe(
      hex(bytesOf(`01000000 28000000 00000000 0000 00000000 1400 00000000 00 03 0000 ${versions}`)),
    )
    expect(made.handle.device.inspect()).toMatchObject({ stage: 'idle', sent: 0, size: 0 })
  })

  it('waits 60 s for an answer, twice what Linux gives its daemon', () => {
    const driver = rawDriver(FCOPY_INTERFACE, (request) => {
      if (request[12] !== 0) return []
      const answer = requestOf(0, 0, bytesOf(AGREEMENT))
      answer[25] = 5
      return [answer]
    })
    const made = world(fcopy({ source }), driver)
    made.run(1)
    expect(made.handle.device.copy({ source: 's', size: 9, path: '/in', name: 'f' })).toBe(1)
    expect(made.handle.device.inspect()).toMatchObject({ stage: 'start', sent: 0, size: 9 })
    made.run(59.9)
    expect(made.heard('completed')).toEqual([])
    made.run(0.1)
    expect(made.heard('completed')).toEqual([{ id: 1, outcome: 'timeout', status: -1, sent: 0 } satisfies CopyResult])
  })

  it.each([
    // A block of 6144 is 1 % of the first, and a little less of the second.
    [614_400, 100, 6144],
    [614_401, 51, 12_288],
  ])('tells of each 1 % of %i bytes', (size, times, first) => {
    const { os } = disk()
    const made = world(fcopy({ source }), fcopy.driver({ files: os }))
    made.run(1)
    made.handle.device.copy({ source: 's', size, path: '/in', name: 'f' })
    made.run(1)
    const progress = made.heard('progress')
    expect(progress).toHaveLength(times)
    expect([progress[0], progress.at(-1)]).toEqual([
      { id: 1, sent: first, size },
      { id: 1, sent: size, size },
    ])
  })
})
