import { MESSAGES, PacketType } from '@vmbus/core'
import { At, IcFlags, IcType } from '@vmbus/ic'
import { TICKS_PER_SECOND } from '@vmbus/world'
import type { Entry } from './transcript.ts'

const nameOf = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? `0x${value.toString(16)}`

const screaming = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()

function messageText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const id = bytes.length >= 4 ? view.getUint32(0, true) : -1
  const entry = MESSAGES.find((message) => message.id === id)
  return `${entry === undefined ? `message ${id}` : screaming(entry.name)} (${bytes.length} bytes)`
}

function packetText(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 16) return `truncated packet (${bytes.length} bytes)`
  const payload = view.getUint16(2, true) * 8
  const type = nameOf(PacketType, view.getUint16(0, true))
  const id = view.getBigUint64(8, true)
  return `${type} id ${id} (${bytes.length - payload} bytes)`
}

/** A component message in words, when the payload is one. */
export function icText(payload: Uint8Array): string | undefined {
  if (payload.length < At.body) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  const flags = view.getUint8(At.flags)
  const role = (flags & IcFlags.response) !== 0 ? 'response' : 'request'
  return `${nameOf(IcType, view.getUint16(At.type, true))} ${role} status 0x${view.getUint32(At.status, true).toString(16)}`
}

/** One line for a person: time in seconds, direction, what it is. */
export function print(entry: Entry): string {
  const time = (entry.time / TICKS_PER_SECOND).toFixed(6).padStart(11)
  switch (entry.kind) {
    case 'message':
      return `${time} ${entry.to === 'host' ? 'guest → host ' : 'host → guest '} ${messageText(entry.bytes)}`
    case 'packet':
      return `${time} ${entry.to === 'host' ? 'guest → host ' : 'host → guest '} channel ${entry.relid} ${packetText(entry.bytes)}`
    case 'note':
      return `${time} ${entry.source}: ${entry.text}`
  }
}
