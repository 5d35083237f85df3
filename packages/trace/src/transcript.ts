import type { Clock, TraceEvent, TraceSink } from '@vmbus/world'

/** What a transcript keeps: the bytes of channel messages, of packets and of what these name, and notes. */
export type Entry =
  | {
      readonly time: number
      readonly kind: 'message'
      readonly to: 'host' | 'guest'
      readonly vp: number
      readonly connection: number
      readonly bytes: Uint8Array
    }
  | {
      readonly time: number
      readonly kind: 'packet'
      readonly to: 'host' | 'guest'
      readonly relid: number
      readonly bytes: Uint8Array
    }
  /** What the packet before it named and did not carry. */
  | {
      readonly time: number
      readonly kind: 'transfer'
      readonly to: 'host' | 'guest'
      readonly relid: number
      readonly format: string
      readonly bytes: Uint8Array
    }
  | { readonly time: number; readonly kind: 'note'; readonly source: string; readonly text: string }

/** How often each kind of event happened, the ones that are not kept included. */
export interface EventCounts {
  messages: number
  packets: number
  transfers: number
  signals: number
  interrupts: number
  hypercalls: number
  msrs: number
  notes: number
}

export interface TranscriptOptions {
  /** Times of entries, in 100 ns units. */
  readonly clock: Clock
  /** Bytes of entries to keep; the oldest go first. Default 16 MiB, 0 keeps none (stream only). */
  readonly limit?: number
  /** Called with every entry, kept or not: write it to a file. Its bytes are its own. */
  readonly stream?: (entry: Entry) => void
}

export interface Transcript {
  readonly sink: TraceSink
  readonly entries: readonly Entry[]
  /** Entries that the limit pushed out. */
  readonly dropped: number
  readonly counts: Readonly<EventCounts>
  clear(): void
}

const COUNTED = {
  message: 'messages',
  packet: 'packets',
  transfer: 'transfers',
  signal: 'signals',
  interrupt: 'interrupts',
  hypercall: 'hypercalls',
  msr: 'msrs',
  note: 'notes',
} as const satisfies Record<TraceEvent['kind'], keyof EventCounts>

/** Bytes that an entry takes beside those that it carries. */
const ENTRY_COST = 64
const DEFAULT_LIMIT = 16 << 20

const noCounts = (): EventCounts => ({
  messages: 0,
  packets: 0,
  transfers: 0,
  signals: 0,
  interrupts: 0,
  hypercalls: 0,
  msrs: 0,
  notes: 0,
})

const costOf = (entry: Entry): number => ENTRY_COST + (entry.kind === 'note' ? entry.text.length : entry.bytes.length)

/** Bytes of a block that many entries share; larger ones have their own. */
const BLOCK = 64 << 10

/** Keeps bytes in blocks: a buffer for each packet costs more than its bytes. */
function keeper(): (bytes: Uint8Array) => Uint8Array {
  let block = new Uint8Array(0)
  let used = 0
  return (bytes) => {
    if (bytes.length > BLOCK / 8) return bytes.slice()
    if (used + bytes.length > block.length) {
      block = new Uint8Array(BLOCK)
      used = 0
    }
    const kept = block.subarray(used, used + bytes.length)
    kept.set(bytes)
    // Whoever looks at one as words finds it aligned.
    used += (bytes.length + 7) & ~7
    return kept
  }
}

function entryOf(event: TraceEvent, time: number, kept: (bytes: Uint8Array) => Uint8Array): Entry | undefined {
  switch (event.kind) {
    case 'message':
      return {
        time,
        kind: 'message',
        to: event.to,
        vp: event.vp,
        connection: event.connection,
        bytes: kept(event.bytes),
      }
    case 'packet':
      return { time, kind: 'packet', to: event.to, relid: event.relid, bytes: kept(event.bytes) }
    case 'transfer': {
      const { to, relid, format } = event
      return { time, kind: 'transfer', to, relid, format, bytes: kept(event.bytes) }
    }
    case 'note':
      return { time, kind: 'note', source: event.source, text: event.text }
    default:
      return undefined
  }
}

/** Records what crosses between guest and host, bounded in memory. */
export function createTranscript(options: TranscriptOptions): Transcript {
  const { clock, limit = DEFAULT_LIMIT, stream } = options
  let entries: Entry[] = []
  let cost = 0
  let dropped = 0
  let counts = noCounts()
  const kept = keeper()

  const keep = (entry: Entry): void => {
    entries.push(entry)
    cost += costOf(entry)
    if (cost <= limit) return
    let gone = 0
    // Dropping a quarter at once keeps the cost of each entry constant.
    for (const old of entries) {
      if (cost <= limit - (limit >>> 2)) break
      cost -= costOf(old)
      gone++
    }
    entries = entries.slice(gone)
    dropped += gone
  }

  return {
    sink(event) {
      counts[COUNTED[event.kind]]++
      const entry = entryOf(event, clock.now(), kept)
      if (entry === undefined) return
      stream?.(entry)
      keep(entry)
    },
    get entries() {
      return entries
    },
    get dropped() {
      return dropped
    },
    get counts() {
      return counts
    },
    clear() {
      entries = []
      cost = 0
      dropped = 0
      counts = noCounts()
    },
  }
}
