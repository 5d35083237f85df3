import type { Codec } from './codec.ts'
import {
  encodeOrder,
  intBounds,
  type ArrayNode,
  type BitsNode,
  type IntNode,
  type Node,
  type StructNode,
} from './node.ts'
import * as p from './primitives.ts'

/** The codec as closures over the layout: used where code generation is forbidden, and as the compiler's oracle. */
export function interpret(struct: StructNode): Codec {
  const { name, size } = struct
  const decode = structReader(struct, name)
  const encode = writer(struct, name, false)
  const encodeChecked = writer(struct, name, true)
  const guarded =
    (write: Writer) =>
    (value: unknown, view: DataView, offset = 0): void => {
      ensure(name, size, view, offset)
      write(view, offset, value)
    }
  const read: Record<string, (view: DataView, offset?: number) => unknown> = {}
  const write: Record<string, (view: DataView, offset: number, value: unknown) => void> = {}
  for (const field of struct.fields) {
    if (field.skipped) continue
    const path = `${name}.${field.name}`
    const load = reader(field.node, path)
    const store = writer(field.node, path, false)
    read[field.name] = (view, offset = 0) => load(view, offset + field.offset)
    write[field.name] = (view, offset, value) => store(view, offset + field.offset, value)
  }
  return {
    decode: (view, offset = 0) => {
      ensure(name, size, view, offset)
      return decode(view, offset)
    },
    encode: guarded(encode),
    encodeChecked: guarded(encodeChecked),
    read,
    write,
  }
}

type Reader = (view: DataView, offset: number) => unknown
type Writer = (view: DataView, offset: number, value: unknown) => void

function ensure(name: string, size: number, view: DataView, offset: number): void {
  if (!(offset >= 0 && offset + size <= view.byteLength)) p.short(name, size, offset, view.byteLength)
}

function reader(node: Node, path: string): Reader {
  switch (node.kind) {
    case 'int':
      return intReader(node, path)
    case 'bytes':
    case 'union':
      return (view, offset) => p.bytes(view, offset, node.size)
    case 'rest':
      return p.rest
    case 'guid':
      return p.guid
    case 'utf16':
      return (view, offset) => p.text(view, offset, node.size, 2)
    case 'ascii':
      return (view, offset) => p.text(view, offset, node.size, 1)
    case 'bits':
      return bitsReader(node)
    case 'array': {
      const load = reader(node.element, `${path}[]`)
      return (view, offset) => Array.from({ length: node.count }, (_, i) => load(view, offset + i * node.element.size))
    }
    case 'struct':
      return structReader(node, path)
    case 'at':
      return reader(node.node, path)
    case 'pad':
      return () => undefined
  }
}

function structReader(node: StructNode, path: string): Reader {
  const fields = node.fields
    .filter((field) => !field.skipped)
    .map((field) => ({ ...field, load: reader(field.node, `${path}.${field.name}`) }))
  return (view, offset) => {
    const out: Record<string, unknown> = {}
    for (const field of fields) out[field.name] = field.load(view, offset + field.offset)
    return out
  }
}

function intReader(node: IntNode, path: string): Reader {
  const little = !node.bigEndian
  switch (node.size) {
    case 1:
      return node.signed ? (view, offset) => view.getInt8(offset) : (view, offset) => view.getUint8(offset)
    case 2:
      return node.signed
        ? (view, offset) => view.getInt16(offset, little)
        : (view, offset) => view.getUint16(offset, little)
    case 4:
      return node.signed
        ? (view, offset) => view.getInt32(offset, little)
        : (view, offset) => view.getUint32(offset, little)
    case 8:
      if (node.as === 'bigint')
        return node.signed
          ? (view, offset) => view.getBigInt64(offset, little)
          : (view, offset) => view.getBigUint64(offset, little)
      return (view, offset) => {
        const value = view.getBigUint64(offset, little)
        if (node.as === 'rounded') return Number(value)
        return p.safe(Number(value & 0xffff_ffffn), Number(value >> 32n), path)
      }
  }
}

/** All bit fields through bigints: slow, and unlike what the compiler does. */
function bitsReader(node: BitsNode): Reader {
  const load = intReader(node.base, '')
  return (view, offset) => {
    const word = BigInt(load(view, offset) as number | bigint)
    const out: Record<string, number> = {}
    for (const part of node.parts) {
      if (!part.name.startsWith('_'))
        out[part.name] = Number((word >> BigInt(part.bitOffset)) & ((1n << BigInt(part.bits)) - 1n))
    }
    return out
  }
}

function writer(node: Node, path: string, checked: boolean): Writer {
  switch (node.kind) {
    case 'int':
      return intWriter(node, path, checked)
    case 'bytes':
    case 'union':
      return (view, offset, value) => p.putBytes(view, offset, node.size, value as Uint8Array, path)
    case 'rest':
      return (view, offset, value) => p.putRest(view, offset, value as Uint8Array, path)
    case 'guid':
      return (view, offset, value) => p.putGuid(view, offset, value as string, path)
    case 'utf16':
      return (view, offset, value) => p.putText(view, offset, node.size, 2, value as string, checked, path)
    case 'ascii':
      return (view, offset, value) => p.putText(view, offset, node.size, 1, value as string, checked, path)
    case 'bits':
      return bitsWriter(node, path, checked)
    case 'array':
      return arrayWriter(node, path, checked)
    case 'struct': {
      const fields = encodeOrder(node).map((field) => ({
        ...field,
        store: field.skipped ? zeroWriter(field.node.size) : writer(field.node, `${path}.${field.name}`, checked),
      }))
      return (view, offset, value) => {
        const record = value as Readonly<Record<string, unknown>>
        for (const field of fields) field.store(view, offset + field.offset, record[field.name])
      }
    }
    case 'at':
      return writer(node.node, path, checked)
    case 'pad':
      return zeroWriter(node.size)
  }
}

const zeroWriter =
  (size: number): Writer =>
  (view, offset) =>
    p.zero(view, offset, size)

function arrayWriter(node: ArrayNode, path: string, checked: boolean): Writer {
  const { element, count, size } = node
  const store = writer(element, `${path}[]`, checked)
  return (view, offset, value) => {
    const list = value as readonly unknown[]
    p.checkCount(path, list, count)
    for (let i = 0; i < list.length; i++) store(view, offset + i * element.size, list[i])
    p.zero(view, offset + list.length * element.size, size - list.length * element.size)
  }
}

function intWriter(node: IntNode, path: string, checked: boolean): Writer {
  const { signed, size } = node
  const little = !node.bigEndian
  if (size === 8) {
    if (node.as === 'bigint') {
      const [min, max] = signed ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n]
      return (view, offset, value) => {
        if (checked) p.checkBigint(path, value, min, max)
        view.setBigUint64(offset, value as bigint, little)
      }
    }
    return (view, offset, value) => {
      if (checked && !Number.isInteger(value)) p.outOfRange(path, value, 'an integer')
      p.putSafe(view, offset, value as number, little, node.as === 'rounded', path)
    }
  }
  const [min, max] = intBounds(size, signed)
  return (view, offset, value) => {
    if (checked) p.checkInt(path, value, min, max)
    if (size === 1) view.setUint8(offset, value as number)
    else if (size === 2) view.setUint16(offset, value as number, little)
    else view.setUint32(offset, value as number, little)
  }
}

function bitsWriter(node: BitsNode, path: string, checked: boolean): Writer {
  const little = !node.base.bigEndian
  return (view, offset, value) => {
    const record = value as Readonly<Record<string, number>>
    let word = 0n
    for (const part of node.parts) {
      if (part.name.startsWith('_')) continue
      const field = record[part.name]
      if (checked) p.checkInt(`${path}.${part.name}`, field, 0, 2 ** part.bits - 1)
      word |= BigInt.asUintN(part.bits, BigInt(Math.trunc(field ?? 0))) << BigInt(part.bitOffset)
    }
    for (let i = 0; i < node.size; i++) {
      const shift = BigInt(8 * (little ? i : node.size - 1 - i))
      view.setUint8(offset + i, Number((word >> shift) & 0xffn))
    }
  }
}
