import { messageEntry } from '@vmbus/core'
import type { TraceEvent } from '@vmbus/world'

/** Bytes of a message or packet that a line shows. */
const SHOWN = 48

const DIGITS = '0123456789abcdef'

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes.subarray(0, SHOWN)) text += DIGITS.charAt(byte >> 4) + DIGITS.charAt(byte & 15)
  return bytes.length > SHOWN ? `${text}… ${bytes.length} bytes` : text
}

/** One line for what crossed the boundary; nothing for what only a machine sees. */
export function textOf(event: TraceEvent): string | undefined {
  switch (event.kind) {
    case 'message':
      return `${event.to === 'host' ? 'guest → host' : 'host → guest'}  ${messageEntry(event.bytes[0] ?? 0)?.name ?? 'unknown'}  ${hex(event.bytes)}`
    case 'packet':
      return `${event.to === 'host' ? 'guest → host' : 'host → guest'}  packet on relid ${event.relid}  ${hex(event.bytes)}`
    case 'transfer':
      return `${event.to === 'host' ? 'guest → host' : 'host → guest'}  ${event.format} beside the packet on relid ${event.relid}  ${hex(event.bytes)}`
    case 'signal':
      return `signal to ${event.to}, relid ${event.relid}`
    case 'note':
      return `${event.source}: ${event.text}`
    case 'hypercall':
    case 'msr':
    case 'interrupt':
      return undefined
  }
}
