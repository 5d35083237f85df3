import type { Codec } from './codec.ts'
import {
  encodeOrder,
  intBounds,
  type BitField,
  type BitsNode,
  type IntNode,
  type Node,
  type StructNode,
} from './node.ts'
import * as primitives from './primitives.ts'

/** Arrays of integers up to this length are unrolled. */
const UNROLL = 8

/**
 * Compiles a struct to straight-line JavaScript. Names reach the generated source only through JSON.stringify.
 * Throws an EvalError where code generation is forbidden (CSP, `--disallow-code-generation-from-strings`).
 */
export function compile(struct: StructNode): Codec {
  const build = new Function('h', source(struct)) as (h: typeof primitives) => Codec
  return build(primitives)
}

/** The generated function body: takes the primitives as `h`, returns the codec. */
function source(struct: StructNode): string {
  const out = emitter()
  const { name, size } = struct
  const guard = `if (!(o >= 0 && o + ${size} <= v.byteLength)) h.short(${quote(name)}, ${size}, o, v.byteLength)`
  const decode = `decode: (v, o = 0) => { ${guard}; return ${out.load(struct, 'o', name)} }`
  const encode = `encode: (x, v, o = 0) => { ${guard}; ${out.store(struct, 'o', 'x', name, false)} }`
  const encodeChecked = `encodeChecked: (x, v, o = 0) => { ${guard}; ${out.store(struct, 'o', 'x', name, true)} }`
  const fields = struct.fields.filter((field) => !field.skipped)
  const read = fields.map(
    (field) =>
      `${quote(field.name)}: (v, o = 0) => ${wrap(out.load(field.node, plus('o', field.offset), `${name}.${field.name}`))}`,
  )
  const write = fields.map(
    (field) =>
      `${quote(field.name)}: (v, o, x) => { ${out.store(field.node, plus('o', field.offset), 'x', `${name}.${field.name}`, false)} }`,
  )
  const codec = [decode, encode, encodeChecked, `read: { ${read.join(', ')} }`, `write: { ${write.join(', ')} }`]
  return `"use strict";\n${out.functions.join('\n')}\nreturn {\n${codec.join(',\n')}\n}`
}

const quote = (text: string): string => JSON.stringify(text)
const wrap = (expression: string): string => (expression.startsWith('{') ? `(${expression})` : expression)
const endian = (node: IntNode): string => (node.size === 1 ? '' : `, ${!node.bigEndian}`)

function plus(base: string, offset: number): string {
  if (offset === 0) return base
  const sum = /^(\w+) \+ (\d+)$/.exec(base)
  return sum ? `${sum[1]} + ${Number(sum[2]) + offset}` : `${base} + ${offset}`
}

function accessor(node: IntNode): string {
  const sign = node.signed ? 'Int' : 'Uint'
  return node.size === 8 ? `Big${sign}64` : `${sign}${node.size * 8}`
}

/** Source text over `v` (the view); loops and bit fields are hoisted into functions of their own. */
interface Emitter {
  readonly functions: readonly string[]
  /** An expression that decodes the node at offset expression `at`. */
  load(node: Node, at: string, path: string): string
  /** Statements that encode `value` at offset expression `at`. */
  store(node: Node, at: string, value: string, path: string, checked: boolean): string
}

function emitter(): Emitter {
  const functions: string[] = []
  let locals = 0

  const hoist = (parameters: string, body: string): string => {
    const name = `f${functions.length}`
    functions.push(`function ${name}(${parameters}) { ${body} }`)
    return name
  }

  const load: Emitter['load'] = (node, at, path) => {
    switch (node.kind) {
      case 'int':
        return loadInt(node, at, path)
      case 'bytes':
      case 'union':
        return `h.bytes(v, ${at}, ${node.size})`
      case 'rest':
        return `h.rest(v, ${at})`
      case 'guid':
        return `h.guid(v, ${at})`
      case 'utf16':
        return `h.text(v, ${at}, ${node.size}, 2)`
      case 'ascii':
        return `h.text(v, ${at}, ${node.size}, 1)`
      case 'bits':
        return `${hoist('v, o', bitsLoader(node))}(v, ${at})`
      case 'array': {
        const { element, count } = node
        if (element.kind === 'int' && count <= UNROLL) {
          const items = Array.from({ length: count }, (_, i) => load(element, plus(at, i * element.size), `${path}[]`))
          return `[${items.join(', ')}]`
        }
        const item = wrap(load(element, 'p', `${path}[]`))
        return `${hoist('v, p', `const a = []; for (let i = 0; i < ${count}; i++, p += ${element.size}) a.push(${item}); return a`)}(v, ${at})`
      }
      case 'struct': {
        const fields = node.fields.filter((field) => !field.skipped)
        return `{ ${fields.map((field) => `${quote(field.name)}: ${load(field.node, plus(at, field.offset), `${path}.${field.name}`)}`).join(', ')} }`
      }
      case 'at':
        return load(node.node, at, path)
      case 'pad':
        return 'undefined'
    }
  }

  const store: Emitter['store'] = (node, at, value, path, checked) => {
    const field = quote(path)
    switch (node.kind) {
      case 'int':
        return storeInt(node, at, value, path, checked)
      case 'bytes':
      case 'union':
        return `h.putBytes(v, ${at}, ${node.size}, ${value}, ${field});`
      case 'rest':
        return `h.putRest(v, ${at}, ${value}, ${field});`
      case 'guid':
        return `h.putGuid(v, ${at}, ${value}, ${field});`
      case 'utf16':
        return `h.putText(v, ${at}, ${node.size}, 2, ${value}, ${checked}, ${field});`
      case 'ascii':
        return `h.putText(v, ${at}, ${node.size}, 1, ${value}, ${checked}, ${field});`
      case 'bits':
        return `${hoist('v, o, x', bitsStorer(node, path, checked))}(v, ${at}, ${value});`
      case 'array': {
        const { element, count, size } = node
        const item = store(element, 'p', 'x[i]', `${path}[]`, checked)
        const loop = `for (let i = 0; i < x.length; i++, p += ${element.size}) { ${item} }`
        const tail = `if (x.length < ${count}) h.zero(v, p, ${size} - x.length * ${element.size})`
        return `${hoist('v, p, x', `h.checkCount(${field}, x, ${count}); ${loop} ${tail}`)}(v, ${at}, ${value});`
      }
      case 'struct': {
        const local = `s${locals++}`
        const fields = encodeOrder(node).map((part) => {
          const position = plus(at, part.offset)
          if (part.skipped) return storeZero(part.node.size, position)
          return store(part.node, position, `${local}[${quote(part.name)}]`, `${path}.${part.name}`, checked)
        })
        return `{ const ${local} = ${value}; ${fields.join(' ')} }`
      }
      case 'at':
        return store(node.node, at, value, path, checked)
      case 'pad':
        return storeZero(node.size, at)
    }
  }

  return { functions, load, store }
}

function loadInt(node: IntNode, at: string, path: string): string {
  if (node.as === 'number' || node.as === 'bigint') return `v.get${accessor(node)}(${at}${endian(node)})`
  const lo = `v.getUint32(${plus(at, node.bigEndian ? 4 : 0)}${endian(node)})`
  const hi = `v.getUint32(${plus(at, node.bigEndian ? 0 : 4)}${endian(node)})`
  return node.as === 'safe' ? `h.safe(${lo}, ${hi}, ${quote(path)})` : `(${hi} * 0x100000000 + ${lo})`
}

function storeZero(size: number, at: string): string {
  switch (size) {
    case 0:
      return ''
    case 1:
      return `v.setUint8(${at}, 0);`
    case 2:
      return `v.setUint16(${at}, 0);`
    case 4:
      return `v.setUint32(${at}, 0);`
    default:
      return `h.zero(v, ${at}, ${size});`
  }
}

function storeInt(node: IntNode, at: string, value: string, path: string, checked: boolean): string {
  const field = quote(path)
  if (node.as === 'safe' || node.as === 'rounded') {
    const whole = checked ? `if (!Number.isInteger(${value})) h.outOfRange(${field}, ${value}, "an integer"); ` : ''
    return `${whole}h.putSafe(v, ${at}, ${value}, ${!node.bigEndian}, ${node.as === 'rounded'}, ${field});`
  }
  const set = `v.set${accessor(node)}(${at}, ${value}${endian(node)});`
  if (!checked) return set
  if (node.size === 8) {
    const [min, max] = node.signed ? ['-(2n ** 63n)', '2n ** 63n - 1n'] : ['0n', '2n ** 64n - 1n']
    return `h.checkBigint(${field}, ${value}, ${min}, ${max}); ${set}`
  }
  const [min, max] = intBounds(node.size, node.signed)
  return `h.checkInt(${field}, ${value}, ${min}, ${max}); ${set}`
}

const named = (node: BitsNode): readonly BitField[] => node.parts.filter((part) => !part.name.startsWith('_'))

/** `2^bits - 1` as a 32-bit pattern. */
const mask = (bits: number): string => `0x${(2 ** bits - 1).toString(16)}`

function bitsLoader(node: BitsNode): string {
  if (node.size < 8) {
    const parts = named(node).map((part) => `${quote(part.name)}: ${extract('w', part.bitOffset, part.bits)}`)
    return `const w = v.get${accessor(node.base)}(o${endian(node.base)}); return { ${parts.join(', ')} }`
  }
  const parts = named(node).map(({ name, bitOffset, bits }) => {
    if (bitOffset >= 32) return `${quote(name)}: ${extract('hi', bitOffset - 32, bits)}`
    if (bitOffset + bits <= 32) return `${quote(name)}: ${extract('lo', bitOffset, bits)}`
    const low = 32 - bitOffset
    return `${quote(name)}: (lo >>> ${bitOffset}) + (${extract('hi', 0, bits - low)}) * ${2 ** low}`
  })
  const [lo, hi] = node.base.bigEndian ? [4, 0] : [0, 4]
  const get = (at: number): string => `v.getUint32(o + ${at}, ${!node.base.bigEndian})`
  return `const lo = ${get(lo)}, hi = ${get(hi)}; return { ${parts.join(', ')} }`
}

function extract(word: string, bitOffset: number, bits: number): string {
  return bits === 32 ? word : `${word} >>> ${bitOffset} & ${mask(bits)}`.replace('& 0xffffffff', '')
}

function bitsStorer(node: BitsNode, path: string, checked: boolean): string {
  const checks = named(node).map((part) =>
    checked ? `h.checkInt(${quote(`${path}.${part.name}`)}, x[${quote(part.name)}], 0, ${2 ** part.bits - 1});` : '',
  )
  const terms = { lo: ['0'], hi: ['0'] }
  for (const { name, bitOffset, bits } of named(node)) {
    const value = `x[${quote(name)}]`
    const lowBits = Math.min(bits, Math.max(0, 32 - bitOffset))
    if (lowBits > 0) terms.lo.push(`(${value} & ${mask(lowBits)}) << ${bitOffset}`)
    if (lowBits === bits) continue
    const high = lowBits === 0 ? value : `Math.floor(${value} / ${2 ** lowBits})`
    terms.hi.push(`(${high} & ${mask(bits - lowBits)}) << ${Math.max(0, bitOffset - 32)}`)
  }
  const little = !node.base.bigEndian
  const lo = terms.lo.join(' | ')
  if (node.size < 8) return `${checks.join(' ')} v.set${accessor(node.base)}(o, ${lo}${endian(node.base)})`
  const hi = terms.hi.join(' | ')
  return `${checks.join(' ')} v.setUint32(o + ${little ? 0 : 4}, ${lo}, ${little}); v.setUint32(o + ${little ? 4 : 0}, ${hi}, ${little})`
}
