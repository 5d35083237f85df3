import fc from 'fast-check'
import { expect, it } from 'vitest'
import { arbitrary } from '@vmbus/layout/arbitrary'
import { pair, type Pair } from './random-layouts.ts'

const withValue = pair.chain((layouts) =>
  fc.record({
    layouts: fc.constant(layouts),
    value: arbitrary(layouts.compiled),
    offset: fc.nat(9),
    noise: fc.integer({ min: 0, max: 255 }),
  }),
)

/** A misaligned view of a buffer full of noise. */
function room(length: number, noise: number): DataView {
  return new DataView(new Uint8Array(length + 3).fill(noise).buffer, 3)
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer)

/** The result of a call, or what it threw, as something to compare. */
function outcome(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return String(error)
  }
}

it('encodes alike, decodes its own bytes, writes nothing else and changes no input', () => {
  fc.assert(
    fc.property(withValue, ({ layouts: { compiled, interpreted }, value, offset, noise }) => {
      const before = structuredClone(value)
      const length = offset + compiled.toBytes(value).length
      const a = room(length, noise)
      const b = room(length, noise)
      compiled.encode(value, a, offset)
      interpreted.encode(value, b, offset)
      expect(bytesOf(a)).toEqual(bytesOf(b))
      expect(
        bytesOf(a)
          .subarray(0, 3 + offset)
          .every((byte) => byte === noise),
      ).toBe(true)
      compiled.encodeChecked(value, a, offset)
      interpreted.encodeChecked(value, b, offset)
      expect(bytesOf(a)).toEqual(bytesOf(b))
      expect(bytesOf(a).subarray(3 + offset)).toEqual(compiled.toBytes(value))
      expect(compiled.decode(a, offset)).toEqual(value)
      expect(interpreted.decode(b, offset)).toEqual(value)
      expect(value).toEqual(before)
    }),
    { seed: 2, numRuns: 250 },
  )
})

it('decodes any bytes alike, and refuses the same ones', () => {
  const withBytes = pair.chain((layouts) =>
    fc.record({
      layouts: fc.constant(layouts),
      data: fc.uint8Array({ minLength: Math.max(0, layouts.compiled.size - 2), maxLength: layouts.compiled.size + 8 }),
    }),
  )
  fc.assert(
    fc.property(withBytes, ({ layouts: { compiled, interpreted }, data }) => {
      expect(outcome(() => compiled.parse(data))).toEqual(outcome(() => interpreted.parse(data)))
      expect(compiled.dump(data).split('\n')[0]).toBe(`random, ${compiled.size} bytes`)
    }),
    { seed: 3, numRuns: 250 },
  )
})

it('reads and writes single fields alike', () => {
  fc.assert(
    fc.property(withValue, ({ layouts: { compiled, interpreted }, value, offset, noise }) => {
      const view = room(offset + compiled.toBytes(value).length, noise)
      compiled.encode(value, view, offset)
      const whole = Object.keys(value)
      for (const name of whole) {
        expect(compiled.read[name]?.(view, offset)).toEqual(value[name])
        expect(interpreted.read[name]?.(view, offset)).toEqual(value[name])
      }
      const writeAll = ({ write }: Pair['compiled']): Uint8Array => {
        const target = room(view.byteLength, noise)
        for (const name of whole) write[name]?.(target, offset, value[name])
        return bytesOf(target)
      }
      expect(writeAll(compiled)).toEqual(writeAll(interpreted))
    }),
    { seed: 4, numRuns: 120 },
  )
})

it('checks ranges alike', () => {
  const bad = fc.oneof(
    fc.double(),
    fc.bigInt(),
    fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    fc.constantFrom(-1, 256, 65536, 2 ** 32, 2 ** 53, 0.5, NaN),
  )
  const input = withValue.chain((sample) => fc.record({ sample: fc.constant(sample), bad, which: fc.nat(20) }))
  fc.assert(
    fc.property(input, ({ sample: { layouts, value }, bad: wrong, which }) => {
      const numeric = Object.keys(value).filter(
        (name) => typeof value[name] === 'number' || typeof value[name] === 'bigint',
      )
      const name = numeric[which % Math.max(1, numeric.length)]
      fc.pre(name !== undefined)
      const broken = { ...value, [name ?? '']: wrong }
      expect(outcome(() => layouts.compiled.toBytes(broken))).toEqual(
        outcome(() => layouts.interpreted.toBytes(broken)),
      )
    }),
    { seed: 5, numRuns: 150 },
  )
})
