import { guestMemory } from '@vmbus/hypervisor'
import fc from 'fast-check'
import { PACKET_WORDS, Row, Rx, RxStatus, Tx, TxStatus, ringArea, type RingArea } from '../src/index.ts'
import { PAGE, RingSpec, guardedMemory, same, sameBytes, totalOf, type SpecPacket } from './ring-spec.ts'

const ARENA_PAGES = 24
/** Pages that hold what `sendv` sends. */
const SOURCE = 22
const memory = guestMemory(ARENA_PAGES * PAGE)
const guard = guardedMemory(memory)
const source = Uint8Array.from({ length: 2 * PAGE }, (_, i) => i * 13)

/** How often something happened that a property about it needs. */
const seen = { full: 0, signalsOnWrite: 0, signalsOnRead: 0, bounced: 0, views: 0, wraps: 0 }

interface Real {
  readonly area: RingArea
  tx: Tx
  rx: Rx
  readonly buffer: Uint8Array
  readonly words: Int32Array
  readonly table: Int32Array
}

type RingCommand = fc.Command<RingSpec, Real>

const at = (spec: RingSpec, counter: number): number => (spec.origin + counter) % spec.size

/** What both ends have put into shared memory is what the specification says, after every step. */
function checkWords(spec: RingSpec, { area }: Real): void {
  const word = (index: number): number => (memory.words[area.control + index] ?? 0) >>> 0
  same('write index', word(0), at(spec, spec.published))
  same('read index', word(1), at(spec, spec.released))
  same('interrupt mask', word(2), spec.masked ? 1 : 0)
  same('pending_send_size', word(3), spec.pending)
  same('feature bits', word(16), spec.feature ? 1 : 0)
}

const command = (text: string, run: (spec: RingSpec, real: Real) => void): RingCommand => ({
  check: () => true,
  run: (spec, real) => {
    run(spec, real)
    checkWords(spec, real)
  },
  toString: () => text,
})

const padded = (bytes: Uint8Array): Uint8Array => {
  const body = new Uint8Array((bytes.length + 7) & ~7)
  body.set(bytes)
  return body
}

/** Bytes that tell every position of every packet apart. */
const pattern = (seed: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = seed * 31 + i * 7 + (i >>> 8)
  return bytes
}

const statusOf = (spec: RingSpec, packet: SpecPacket): TxStatus => {
  if (totalOf(packet) >= spec.size) return TxStatus.tooLarge
  if (spec.accepts(packet)) return TxStatus.written
  seen.full++
  return TxStatus.full
}

const u32 = fc.integer({ min: 0, max: 0xffffffff })
const kind = fc.constantFrom(6, 7, 9, 11)
/** Short ones, and those about as long as the ring. */
const length = fc.oneof(
  fc.integer({ min: 0, max: 80 }),
  fc.integer({ min: 0, max: 1600 }),
  fc.integer({ min: 3900, max: 4200 }),
  fc.constant(8168),
)

const send = fc.tuple(kind, fc.constantFrom(0, 1), length, u32, u32).map(([type, flags, bytes, low, high]) =>
  command(`send(${bytes})`, (spec, { tx }) => {
    const payload = pattern(low, bytes)
    const packet = { type, flags, low, high, body: padded(payload), headerLength: 0 }
    const expected = statusOf(spec, packet)
    same('status', tx.send(type, flags, payload, low, high), expected)
    if (expected === TxStatus.written) spec.write(packet)
  }),
)

/** In pieces, as a packet with a header is made; or begun and left. */
const assemble = fc
  .tuple(
    fc.integer({ min: 0, max: 40 }),
    fc.array(fc.integer({ min: 0, max: 90 }), { maxLength: 4 }),
    u32,
    fc.boolean(),
  )
  .map(([header, pieces, low, commits]) =>
    command(`assemble(${header * 8}, ${pieces.join('+')}${commits ? '' : ', abandoned'})`, (spec, { tx }) => {
      const headerBytes = Uint8Array.from({ length: header * 8 }, (_, i) => (low + i) & 0xff)
      const parts = pieces.map((bytes, index) => pattern(low + index, bytes))
      const payload = Buffer.concat(parts)
      const packet = {
        type: 9,
        flags: 1,
        low,
        high: 0,
        body: padded(Buffer.concat([headerBytes, payload])),
        headerLength: headerBytes.length,
      }
      const expected = statusOf(spec, packet)
      same('status', tx.reserve(9, 1, 16 + headerBytes.length, payload.length, low, 0), expected)
      if (expected !== TxStatus.written) return
      const view = new DataView(headerBytes.buffer)
      for (let i = 0; i < headerBytes.length; i += 8)
        tx.appendWords(view.getUint32(i, true), view.getUint32(i + 4, true))
      for (const part of parts) tx.append(part)
      if (!commits) return
      tx.commit()
      spec.write(packet)
    }),
  )

const sendv = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 2 * PAGE - 1000 })), { maxLength: 6 })
  .map((rows) =>
    command(`sendv(${rows.map(([bytes]) => bytes).join()})`, (spec, { tx, table }) => {
      const packets = rows.map(([bytes, offset], row) => {
        const gpa = SOURCE * PAGE + offset
        const base = row * PACKET_WORDS
        table[base + Row.kind] = 6 | (1 << 16)
        table[base + Row.payload] = gpa
        table[base + Row.payloadLength] = bytes
        table[base + Row.transactionLow] = row
        table[base + Row.transactionHigh] = offset
        return {
          type: 6,
          flags: 1,
          low: row,
          high: offset,
          body: padded(memory.bytes.slice(gpa, gpa + bytes)),
          headerLength: 0,
        }
      })
      let fit = 0
      for (const packet of packets) {
        if (statusOf(spec, packet) !== TxStatus.written) break
        spec.write(packet)
        fit++
      }
      same('packets sent', tx.sendv(table, rows.length), fit)
    }),
  )

const publish = fc.constant(
  command('publish', (spec, { tx }) => {
    const signals = spec.publish()
    if (signals) seen.signalsOnWrite++
    same('signal on write', tx.publish(), signals)
  }),
)
const release = fc.constant(
  command('release', (spec, { rx }) => {
    const signals = spec.release()
    if (signals) seen.signalsOnRead++
    same('signal on read', rx.release(), signals)
  }),
)

const receive = fc.integer({ min: 1, max: 5 }).map((count) =>
  command(`receive(${count})`, (spec, { rx, buffer, words }) => {
    for (let i = 0; i < count; i++) {
      const packet = spec.consume()
      same('status', rx.next(), packet === undefined ? RxStatus.empty : RxStatus.packet)
      if (packet === undefined) return
      rx.copy(buffer, words)
      same('type', rx.type, packet.type)
      same('flags', rx.flags, packet.flags)
      same('transaction', rx.transactionLow, packet.low)
      same('transaction', rx.transactionHigh, packet.high)
      same('header', rx.payloadOffset, 16 + packet.headerLength)
      same('length', rx.length, 16 + packet.body.length)
      const descriptor = new DataView(buffer.buffer)
      same('type', descriptor.getUint16(0, true), packet.type)
      same('offset8', descriptor.getUint16(2, true), 2 + packet.headerLength / 8)
      same('length8', descriptor.getUint16(4, true), 2 + packet.body.length / 8)
      same('flags', descriptor.getUint16(6, true), packet.flags)
      same('transaction', descriptor.getUint32(8, true), packet.low)
      same('transaction', descriptor.getUint32(12, true), packet.high)
      sameBytes('body', buffer.subarray(16, rx.length), packet.body)
      rx.consume()
    }
  }),
)

const drain = fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5000 })).map(([packets, bytes]) =>
  command(`drain(${packets}, ${bytes})`, (spec, { rx, table }) => {
    const got = rx.drain(table, packets, bytes)
    let sum = 0
    for (let row = 0; row < got; row++) {
      const packet = spec.consume()
      if (packet === undefined) throw new Error('more than was published')
      sum += 16 + packet.body.length
      same('bytes at most', row === 0 || sum <= bytes, true)
      const base = row * PACKET_WORDS
      const start = (table[base + Row.payload] ?? 0) >>> 0
      const header = table[base + Row.headerLength] ?? 0
      if (table[base + Row.bounced] === 1) seen.bounced++
      else seen.views++
      const from = table[base + Row.bounced] === 1 ? rx.bounce : memory.bytes
      same('kind', table[base + Row.kind], packet.type | (packet.flags << 16))
      same('transaction', (table[base + Row.transactionLow] ?? 0) >>> 0, packet.low)
      same('transaction', (table[base + Row.transactionHigh] ?? 0) >>> 0, packet.high)
      same('header', header, packet.headerLength)
      sameBytes('body', from.subarray(start - header, start + (table[base + Row.payloadLength] ?? 0)), packet.body)
    }
    const next = spec.queue[0]
    if (got < packets && spec.visible > 0)
      same('drained too little', got === 0 || next === undefined || sum + 16 + next.body.length <= bytes, false)
  }),
)

const mask = fc.boolean().map((masked) =>
  command(`mask(${masked})`, (spec, { rx }) => {
    rx.mask(masked)
    spec.masked = masked
  }),
)

/** Wanted sizes of every kind: in reach, not a multiple of 8, "all of it" as Windows says, and out of reach. */
const pending = fc
  .oneof(fc.constantFrom(0, 24, 4120, 8191, 4095, 0xffffffff), fc.integer({ min: 0, max: 8192 }))
  .map((bytes) =>
    command(`pending(${bytes})`, (spec, { tx }) => {
      tx.setPending(bytes)
      spec.pending = bytes
    }),
  )

/** Just out of reach, as whoever failed to write would ask for. */
const pendingSoon = fc.integer({ min: -8, max: 600 }).map((more) =>
  command(`pending(room + ${more})`, (spec, { tx }) => {
    spec.pending = Math.max(0, spec.room + more)
    tx.setPending(spec.pending)
  }),
)

const feature = fc.constantFrom(true, true, true, false).map((on) =>
  command(`feature(${on})`, (spec, { tx }) => {
    tx.setFeatureBits(on ? 1 : 0)
    spec.feature = on
  }),
)

const reincarnate = fc.constant(
  command('save and restore', (_, real) => {
    real.tx = new Tx(real.area, { state: JSON.parse(JSON.stringify(real.tx.save())) as ReturnType<Tx['save']> })
    real.rx = new Rx(real.area, { state: JSON.parse(JSON.stringify(real.rx.save())) as ReturnType<Rx['save']> })
  }),
)

const writable = fc.constant(
  command('writable', (spec, { tx }) => {
    same('writable', tx.writable(), Math.max(0, spec.room - 8))
    same('unpublished', tx.unpublished, spec.written !== spec.published)
  }),
)

/** Pages of a ring: neighbours, or anywhere; 1 to 5 of data. */
const ringPages = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 14 }), fc.integer({ min: 2, max: 6 }))
    .map(([first, count]) => Array.from({ length: count }, (_, i) => first + i)),
  fc.shuffledSubarray(
    Array.from({ length: SOURCE }, (_, i) => i),
    { minLength: 2, maxLength: 6 },
  ),
)

/** The ring against a queue, with every wrap: the rings begin at any multiple of 8. */
export function ringModel(numRuns: number, seed: number, size: fc.SizeForArbitrary): typeof seen {
  for (const what of Object.keys(seen) as (keyof typeof seen)[]) seen[what] = 0
  const commands = fc.commands(
    [
      send,
      send,
      assemble,
      sendv,
      publish,
      publish,
      receive,
      receive,
      drain,
      release,
      release,
      mask,
      pending,
      pendingSoon,
      pendingSoon,
      feature,
      reincarnate,
      writable,
    ],
    { maxCommands: 60, size },
  )
  fc.assert(
    fc.property(ringPages, fc.nat(), commands, (pfns, start, steps) => {
      guard.reset()
      memory.bytes.set(source, SOURCE * PAGE)
      const area = ringArea(memory, pfns)
      const origin = (start * 8) % area.size
      memory.words.fill(0, area.control, area.control + 1024)
      memory.words[area.control] = origin
      memory.words[area.control + 1] = origin
      const words = new Int32Array(5 * 1024)
      const real = {
        area,
        tx: new Tx(area),
        rx: new Rx(area),
        buffer: new Uint8Array(words.buffer),
        words,
        table: new Int32Array(12 * PACKET_WORDS),
      }
      const model = new RingSpec(area.size, origin)
      model.feature = true
      real.tx.setFeatureBits(1)
      fc.modelRun(() => ({ model, real }), steps)
      if (origin + model.written >= area.size) seen.wraps++
      same('page written outside the ring', guard.touched(new Set([...pfns, SOURCE, SOURCE + 1])), undefined)
    }),
    { numRuns, seed },
  )
  return seen
}
