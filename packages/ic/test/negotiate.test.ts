import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { answerNegotiation, icVersion, negotiationAnswer, negotiationRequest, type IcVersions } from '@vmbus/ic'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)

const HOST: IcVersions = {
  framework: [icVersion(1, 0), icVersion(3, 0)],
  message: [icVersion(1, 0), icVersion(3, 0), icVersion(3, 1), icVersion(3, 2)],
}

// Typed from wire/06 §1 and §2: pipe type 1 and size 52; header with zero versions, type 0, size 32, flags 3; two and
// four versions, ascending.
const REQUEST =
  '01000000 34000000 00000000 0000 00000000 2000 00000000 00 03 0000' +
  '0200 0400 00000000' +
  '01000000 03000000' +
  '01000000 03000000 03000100 03000200'

// Linux 6.1 with shutdown 3.2: counts 1/1, framework 3.0, message 3.2, message size 0x10; everything else is the host's.
const ANSWER =
  '01000000 34000000 00000000 0000 00000000 1000 00000000 00 03 0000' +
  '0100 0100 00000000' +
  '03000000 03000200' +
  '01000000 03000000 03000100 03000200'

describe('negotiation', () => {
  it('is asked for with every version, ascending, in a transaction request', () => {
    expect(hex(negotiationRequest(HOST))).toBe(hex(bytesOf(REQUEST)))
    expect(hex(negotiationRequest({ ...HOST, message: HOST.message.toReversed() }))).toBe(hex(bytesOf(REQUEST)))
  })

  it('is answered in place with one version of each kind', () => {
    const bytes = bytesOf(REQUEST)
    const own = {
      framework: [icVersion(3, 0), icVersion(1, 0)],
      message: [icVersion(3, 2), icVersion(3, 1), icVersion(3, 0), icVersion(1, 0)],
    }
    expect(answerNegotiation(viewOf(bytes), bytes.length, own, 'exact')).toEqual({
      framework: 0x30000,
      message: 0x30002,
    })
    expect(hex(bytes)).toBe(hex(bytesOf(ANSWER)))
    expect(negotiationAnswer(viewOf(bytes), bytes.length, HOST)).toEqual({ framework: 0x30000, message: 0x30002 })
  })

  it('is answered with zero counts when there is no common version of either kind', () => {
    for (const own of [
      { framework: [icVersion(2, 0)], message: [icVersion(3, 0)] },
      { framework: [icVersion(3, 0)], message: [icVersion(9, 9)] },
    ]) {
      const bytes = bytesOf(REQUEST)
      expect(answerNegotiation(viewOf(bytes), bytes.length, own, 'exact')).toBeUndefined()
      expect(hex(bytes.subarray(28, 44))).toBe(hex(bytesOf('0000 0000 00000000 02000000 04000000')))
      expect(negotiationAnswer(viewOf(bytes), bytes.length, HOST)).toBeUndefined()
    }
  })

  it('picks the highest common version, whatever the order on the wire', () => {
    const version = fc
      .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }))
      .map(([major, minor]) => icVersion(major, minor))
    const set = fc.uniqueArray(version, { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(set, set, set, set, (hostFramework, hostMessage, framework, message) => {
        const host = { framework: hostFramework, message: hostMessage }
        const bytes = negotiationRequest(host)
        const answer = answerNegotiation(viewOf(bytes), bytes.length, { framework, message }, 'exact')
        const common = (a: number[], b: number[]): number => Math.max(...a.filter((x) => b.includes(x)))
        const expected = { framework: common(hostFramework, framework), message: common(hostMessage, message) }
        const possible = Number.isFinite(expected.framework) && Number.isFinite(expected.message)
        expect(answer).toEqual(possible ? expected : undefined)
        expect(negotiationAnswer(viewOf(bytes), bytes.length, host)).toEqual(possible ? expected : undefined)
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  it('lets FreeBSD take the best host version that is not above its own', () => {
    const bytes = bytesOf(REQUEST)
    const own = { framework: [icVersion(3, 0)], message: [icVersion(3, 1)] }
    expect(answerNegotiation(viewOf(bytes), bytes.length, own, 'at-most')).toEqual({
      framework: 0x30000,
      message: 0x30001,
    })
  })

  it('never reads or writes outside the message, whatever its bytes', () => {
    const own = { framework: [icVersion(3, 0)], message: [icVersion(3, 0)] }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (random) => {
        const guarded = new Uint8Array(random.length + 64).fill(0xa5)
        guarded.set(random, 32)
        const view = new DataView(guarded.buffer, 32, random.length)
        answerNegotiation(view, random.length, own, 'exact')
        negotiationAnswer(view, random.length, own)
        expect(guarded.subarray(0, 32).every((byte) => byte === 0xa5)).toBe(true)
        expect(guarded.subarray(32 + random.length).every((byte) => byte === 0xa5)).toBe(true)
      }),
      { seed: 3, numRuns: 500 },
    )
  })

  it('refuses more versions than Linux counts', () => {
    const bytes = negotiationRequest({
      framework: [icVersion(3, 0)],
      message: Array.from({ length: 100 }, (_, i) => icVersion(3, i)),
    })
    const own = { framework: [icVersion(3, 0)], message: [icVersion(3, 0)] }
    expect(answerNegotiation(viewOf(bytes), bytes.length, own, 'exact')).toBeUndefined()
  })
})
