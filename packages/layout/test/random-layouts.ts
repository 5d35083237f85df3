import fc from 'fast-check'
import {
  array,
  ascii,
  at,
  be,
  bits,
  bytes,
  guid,
  i16,
  i32,
  i64,
  i8,
  pad,
  rest,
  rounded,
  struct,
  u16,
  u32,
  u64,
  u64n,
  u8,
  union,
  utf16,
  type Layout,
  type Type,
} from '@vmbus/layout'

/** The same random definition twice: compiled and interpreted. */
export interface Pair {
  readonly compiled: Layout<Record<string, unknown>>
  readonly interpreted: Layout<Record<string, unknown>>
}

const numbers = [u8, u16, u32, u64n, rounded(u64n), i8, i16, i32] as const
const words = [u8, u16, u32] as const

const scalar: fc.Arbitrary<Type<unknown>> = fc.oneof(
  fc.constantFrom<Type<unknown>>(...numbers, u64, i64, guid),
  fc.constantFrom<Type<unknown>>(...numbers.map((type) => be(type)), be(u64), be(i64)),
  fc.nat(20).map((size) => bytes(size)),
  fc.nat(9).map((size) => pad(size)),
  fc.nat(9).map((size) => utf16(size)),
  fc.nat(9).map((size) => ascii(size)),
)

const partsOf = (width: number, maxPart: number): fc.Arbitrary<Record<string, number>> =>
  fc
    .array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: maxPart })), { minLength: 1, maxLength: 8 })
    .map((wanted) => {
      const parts: Record<string, number> = {}
      let left = width
      for (const [index, [hidden, bitCount]] of wanted.entries()) {
        const taken = Math.min(left, bitCount)
        if (taken > 0) parts[`${hidden ? '_' : ''}part${index}`] = taken
        left -= taken
      }
      return parts
    })

const word: fc.Arbitrary<Type<unknown>> = fc.oneof(
  fc
    .constantFrom(...words, ...words.map((type) => be(type)))
    .chain((base) => partsOf(base.node.size * 8, 32).map((parts) => bits(base, parts))),
  fc.constantFrom(u64, be(u64)).chain((base) => partsOf(64, 53).map((parts) => bits(base, parts))),
)

const { type } = fc.letrec<{ type: Type<unknown>; fields: Record<string, Type<unknown>> }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: scalar },
    { weight: 2, arbitrary: word },
    {
      weight: 2,
      arbitrary: fc
        .tuple(tie('type'), fc.nat(9))
        .map(([element, length]) => (element.node.kind === 'pad' ? pad(length) : array(element, length))),
    },
    { weight: 1, arbitrary: tie('fields').map((fields) => struct('nested', fields)) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(tie('fields'), tie('fields'))
        .map(([a, b]) => union('either', { a: struct('a', a), b: struct('b', b) })),
    },
  ),
  fields: fc
    .array(tie('type'), { maxLength: 3 })
    .map((types) => Object.fromEntries(types.map((item, index) => [`n${index}`, item]))),
}))

const placed = fc.oneof(
  { weight: 6, arbitrary: type },
  { weight: 1, arbitrary: fc.tuple(fc.nat(40), type).map(([offset, item]) => at(offset, item)) },
)

/** Names that would break careless code generation are among the fields'. */
const names = ['a', '_b', 'c d', 'e"f', 'view', 'o', 'v', 'x', 's0', 'h', 'constructor', "g'h", '${i}']

export const pair: fc.Arbitrary<Pair> = fc
  .record({
    types: fc.array(placed, { minLength: 1, maxLength: 8 }),
    order: fc.shuffledSubarray(names, { minLength: 8 }),
    tail: fc.boolean(),
  })
  .map(({ types, order, tail }) => {
    const fields = Object.fromEntries(types.map((item, index) => [order[index] ?? '', item]))
    const end = Object.keys(fields).length === 0 || types.some((item) => item.node.kind === 'at') || !tail
    const definition = end ? fields : { ...fields, tail: rest }
    return {
      compiled: struct('random', definition, { codec: 'compiled' }),
      interpreted: struct('random', definition, { codec: 'interpreted' }),
    }
  })
