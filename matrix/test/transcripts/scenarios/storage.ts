import { byExchange, type Normalised } from '@vmbus/trace'

const GPA_DIRECT = 9
const RANGE_OFFSET = 28

/** Each exchange on its own, wherever in its page the kernel's allocator put a buffer. */
export function withoutPlaces(transcript: Normalised): Normalised {
  const { control, channels } = byExchange(transcript)
  const places = Object.entries(channels).map(([name, lines]) => [
    name,
    lines.map((line) => {
      const bytes = line.bytes.slice()
      const view = new DataView(bytes.buffer)
      if (view.getUint16(0, true) === GPA_DIRECT) view.setUint32(RANGE_OFFSET, 0, true)
      return { ...line, bytes }
    }),
  ])
  return { control, channels: Object.fromEntries(places) as Normalised['channels'] }
}
