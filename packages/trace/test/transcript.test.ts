import fc from 'fast-check'
import { virtualClock } from '@vmbus/world'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TranscriptError, createTranscript, fromJsonLine, toJsonLine, type Entry } from '../src/index.ts'
import { bytes, entry, side } from './arbitraries.ts'

const clock = virtualClock()
const sent = (relid: number, length: number) =>
  ({ kind: 'packet', to: 'host', relid, bytes: new Uint8Array(length).fill(relid) }) as const

describe('a transcript', () => {
  test('keeps the bytes of messages and packets as they were, with their time', () => {
    const own = virtualClock()
    const transcript = createTranscript({ clock: own })
    const reused = Uint8Array.of(1, 2, 3)
    own.advanceTo(5)
    transcript.sink({ kind: 'packet', to: 'host', relid: 4, bytes: reused })
    reused.fill(9)
    transcript.sink({ kind: 'note', source: 'host', text: 'hot add' })
    expect(transcript.entries).toEqual([
      { time: 5, kind: 'packet', to: 'host', relid: 4, bytes: Uint8Array.of(1, 2, 3) },
      { time: 5, kind: 'note', source: 'host', text: 'hot add' },
    ])
  })

  test('counts everything, what it does not keep included', () => {
    const transcript = createTranscript({ clock })
    transcript.sink({ kind: 'signal', to: 'host', relid: 1 })
    transcript.sink({ kind: 'interrupt', vp: 0, vector: 0xf3 })
    transcript.sink({ kind: 'hypercall', vp: 0, code: 0x5c, status: 0 })
    transcript.sink({ kind: 'msr', vp: 0, msr: 0x40000000, write: true, lo: 0, hi: 0 })
    transcript.sink(sent(1, 8))
    transcript.sink({ kind: 'transfer', to: 'host', relid: 1, format: 'rndis', bytes: Uint8Array.of(1) })
    expect(transcript.counts).toEqual({
      messages: 0,
      packets: 1,
      transfers: 1,
      signals: 1,
      interrupts: 1,
      hypercalls: 1,
      msrs: 1,
      notes: 0,
    })
    expect(transcript.entries).toHaveLength(2)
    transcript.clear()
    expect([transcript.entries.length, transcript.counts.packets, transcript.dropped]).toEqual([0, 0, 0])
  })

  test('holds no more bytes than it may: the newest, in order, none lost uncounted', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), fc.integer({ min: 500, max: 5000 }), (lengths, limit) => {
        const transcript = createTranscript({ clock, limit })
        for (const [index, length] of lengths.entries()) {
          transcript.sink(sent(index, length))
          const held = transcript.entries.reduce((sum, each) => sum + (each.kind === 'note' ? 0 : each.bytes.length), 0)
          expect(held).toBeLessThanOrEqual(limit)
        }
        const kept = transcript.entries.map((each) => (each.kind === 'packet' ? each.relid : -1))
        expect(kept).toEqual(lengths.map((_, index) => index).slice(transcript.dropped))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('is streamed to a file whole, whatever it keeps', () => {
    const folder = mkdtempSync(join(tmpdir(), 'vmbus-trace-'))
    const file = join(folder, 'transcript.jsonl')
    const transcript = createTranscript({
      clock,
      limit: 0,
      stream: (each) => appendFileSync(file, `${toJsonLine(each)}\n`),
    })
    for (let relid = 0; relid < 100; relid++) transcript.sink(sent(relid, relid))
    const read = readFileSync(file, 'utf8').trimEnd().split('\n').map(fromJsonLine)
    rmSync(folder, { recursive: true })
    expect(read.map((each) => (each.kind === 'packet' ? [each.relid, each.bytes.length] : []))).toEqual(
      Array.from({ length: 100 }, (_, i) => [i, i]),
    )
    expect([transcript.entries.length, transcript.dropped]).toEqual([0, 100])
  })
})

describe('a line of JSON', () => {
  test('comes back as the entry that it was', () => {
    fc.assert(
      fc.property(entry, (each: Entry) => {
        expect(fromJsonLine(toJsonLine(each))).toEqual(each)
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  test('is refused when it is anything else', () => {
    const codeOf = (line: string): unknown => {
      try {
        return fromJsonLine(line)
      } catch (error) {
        return error instanceof TranscriptError ? error.code : error
      }
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
        expect(codeOf(line)).toBe('VMBUS_TRANSCRIPT')
      }),
      { seed: 3, numRuns: 300 },
    )
    const key = fc.constantFrom('time', 'kind', 'to', 'relid', 'bytes')
    const bad = fc.constantFrom(-1, 'zz', null, 0.5, {})
    fc.assert(
      fc.property(side, bytes, key, bad, (to, body, name, value) => {
        const good = { time: 1, kind: 'packet', to, relid: 1, bytes: Buffer.from(body).toString('hex') }
        expect(codeOf(JSON.stringify({ ...good, [name]: value }))).toBe('VMBUS_TRANSCRIPT')
      }),
      { seed: 4, numRuns: 200 },
    )
  })
})
