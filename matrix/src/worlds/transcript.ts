import { createHash } from 'node:crypto'
import { createTranscript, normalise, type Entry, type Line, type TracedDevice, type Transcript } from '@vmbus/trace'
import type { Clock } from '@vmbus/world'

/** What crossed between guest and host: SHA-256 of the normalised transcript, and bytes of packets by instance. */
export interface Crossed {
  readonly digest: string
  bytesOf(instanceId: string): number
}

export const recorder = (clock: Clock, stream?: (entry: Entry) => void): Transcript =>
  createTranscript({ clock, ...(stream !== undefined && { stream }) })

const packetBytes = (lines: readonly Line[]): number =>
  lines.reduce((sum, { bytes, format }) => sum + (format === undefined ? bytes.length : 0), 0)

export function crossed({ entries }: Transcript, devices: readonly TracedDevice[]): Crossed {
  const { control, channels } = normalise(entries, devices)
  const hash = createHash('sha256')
  const add = (name: string, lines: readonly Line[]): void => {
    hash.update(`${name} ${lines.length}\n`)
    for (const { to, bytes, format = '' } of lines) hash.update(`${to} ${format} ${bytes.length}\n`).update(bytes)
  }
  add('control', control)
  const names = Object.keys(channels).toSorted()
  for (const name of names) add(name, channels[name] ?? [])
  return {
    digest: hash.digest('hex'),
    bytesOf: (instanceId) =>
      names
        .filter((name) => name.includes(`/${instanceId}/`))
        .reduce((sum, name) => sum + packetBytes(channels[name] ?? []), 0),
  }
}
