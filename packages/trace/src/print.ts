import { TICKS_PER_SECOND } from '@vmbus/world'
import { createNamer } from './names.ts'
import type { TracedDevice } from './devices.ts'
import type { Entry } from './transcript.ts'

/**
 * Prints a transcript's entries, in order, one line each: time in seconds, direction, what it is. Channels have the names
 * of the offers that went before, and packets the words of `devices`.
 */
export function createPrinter(devices: Iterable<TracedDevice>): (entry: Entry) => string {
  const name = createNamer(devices)
  return (entry) => {
    const time = (entry.time / TICKS_PER_SECOND).toFixed(6).padStart(11)
    if (entry.kind === 'note') return `${time} ${entry.source}: ${entry.text}`
    const { says, channel, bytes } = name(entry)
    const way = entry.to === 'host' ? 'guest → host ' : 'host → guest '
    const where = entry.kind === 'message' ? '' : `channel ${entry.relid}${channel === undefined ? '' : ` ${channel}`} `
    return `${time} ${way} ${where}${says} (${bytes} bytes)`
  }
}
