import { KEY_BYTES, VALUE_BYTES, kvpValue } from './messages.ts'
import { MAX_KEY_UNITS, MAX_VALUE_UNITS, ValueType } from './exchange.ts'
import { readUtf16, utf16z } from './text.ts'

export type KvpType = 'string' | 'expand-string' | 'dword' | 'qword'

/** A key with its value. Numbers are decimal text, so that an item is JSON. */
export interface KvpItem {
  readonly key: string
  readonly value: string
  /** Default `string`. */
  readonly type?: KvpType
}

const MAX = { dword: 0xffff_ffffn, qword: 0xffff_ffff_ffff_ffffn } as const

/** What a message can carry: a key of 1 to 255 characters, a text of at most 1023, or a number of its width; no NUL. */
export const validKey = (key: string): boolean => key.length > 0 && key.length <= MAX_KEY_UNITS && !key.includes('\0')

export function validItem({ key, value, type = 'string' }: KvpItem): boolean {
  if (!validKey(key)) return false
  if (type === 'string' || type === 'expand-string') return value.length <= MAX_VALUE_UNITS && !value.includes('\0')
  return /^\d{1,20}$/.test(value) && BigInt(value) <= MAX[type]
}

export function writeKey(view: DataView, at: number, key: string): void {
  const bytes = utf16z(key)
  kvpValue.write.key_size(view, at, bytes.length)
  kvpValue.write.key(view, at, bytes)
}

/**
 * What a message can carry of an item that did not come from one: a program of the guest may have put longer text into
 * a pool than fits, or a number that is none. `reserve` characters of the room stay free.
 */
export function carried({ key, value, type = 'string' }: KvpItem, reserve = 0): KvpItem {
  const isNumber = (type === 'dword' || type === 'qword') && validItem({ key: 'k', value, type })
  return {
    key: untilNul(key).slice(0, MAX_KEY_UNITS - reserve),
    value: isNumber ? value : untilNul(value).slice(0, MAX_VALUE_UNITS - reserve),
    type: isNumber || type === 'expand-string' ? type : 'string',
  }
}

const untilNul = (text: string): string => text.split('\0', 1)[0] ?? ''

/** Writes an item that a message can carry at `at`: 2572 bytes. */
export function writeItem(view: DataView, at: number, item: KvpItem): void {
  const { key, value, type = 'string' } = item
  writeKey(view, at, key)
  kvpValue.write.value_type(view, at, ValueType[type])
  const bytes = type === 'dword' || type === 'qword' ? numberBytes(BigInt(value), type) : utf16z(value)
  kvpValue.write.value_size(view, at, bytes.length)
  kvpValue.write.value(view, at, bytes)
}

function numberBytes(value: bigint, type: 'dword' | 'qword'): Uint8Array {
  const bytes = new Uint8Array(type === 'dword' ? 4 : 8)
  const view = new DataView(bytes.buffer)
  if (type === 'dword') view.setUint32(0, Number(value), true)
  else view.setBigUint64(0, value, true)
  return bytes
}

/** The key at `at`, or undefined when its size is not one. */
export function readKey(view: DataView, at: number): string | undefined {
  const size = kvpValue.read.key_size(view, at)
  return size > KEY_BYTES ? undefined : readUtf16(view, at + kvpValue.offsets.key, size)
}

const typeOf = (type: number): KvpType | undefined => {
  switch (type) {
    case ValueType.string:
      return 'string'
    case ValueType['expand-string']:
      return 'expand-string'
    case ValueType.dword:
      return 'dword'
    case ValueType.qword:
    case ValueType['linux-qword']:
      return 'qword'
    default:
      return undefined
  }
}

/** The item at `at`, or undefined when a size is beyond its room or the type is none that is known. */
export function readItem(view: DataView, at: number): KvpItem | undefined {
  const key = readKey(view, at)
  const size = kvpValue.read.value_size(view, at)
  const type = typeOf(kvpValue.read.value_type(view, at))
  if (key === undefined || type === undefined || size > VALUE_BYTES) return undefined
  if (type === 'dword') return { key, type, value: String(kvpValue.read.value_u32(view, at)) }
  if (type === 'qword') return { key, type, value: String(kvpValue.read.value_u64(view, at)) }
  return { key, type, value: readUtf16(view, at + kvpValue.offsets.value, size) }
}
