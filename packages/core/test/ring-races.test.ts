import { guestMemory } from '@vmbus/hypervisor'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Rx, RxStatus, Tx, TxStatus, ringArea } from '../src/index.ts'
import { hookedMemory } from './hooked-memory.ts'
import { PAGE, same } from './ring-spec.ts'

// Shared, so that every look at a control word is an Atomics call.
const ram = guestMemory({ size: 4 * PAGE, shared: true })

const { load, store } = Atomics
let inside = false

/** Calls `intrude` before and after each atomic access of `run`, not of `intrude` itself. */
function betweenAtomics(intrude: () => void, run: () => void): void {
  const guarded = (): void => {
    if (inside) return
    inside = true
    try {
      intrude()
    } finally {
      inside = false
    }
  }
  const around = <T>(access: () => T): T => {
    guarded()
    const result = access()
    guarded()
    return result
  }
  Atomics.load = ((words: Int32Array, index: number) => around(() => load(words, index))) as typeof Atomics.load
  Atomics.store = ((words: Int32Array, index: number, value: number) =>
    around(() => store(words, index, value))) as typeof Atomics.store
  try {
    run()
  } finally {
    Atomics.load = load
    Atomics.store = store
  }
}

/** Both ends of a ring; each takes a step of its own whenever the other looks at memory at the drawn moments. */
function race(
  moments: readonly number[],
  steps: readonly ('send' | 'read')[],
  payload: number,
): { sent: number; got: number; signals: number; interleaved: number } {
  ram.bytes.fill(0)
  const area = ringArea(ram, [1, 2])
  const tx = new Tx(area)
  const rx = new Rx(area)
  tx.setFeatureBits(1)
  const bytes = new Uint8Array(payload)
  // Signals that are on their way; whether an end sleeps until one comes.
  const state = { sent: 0, got: 0, toReader: 0, toWriter: 0, blocked: false, signals: 0, interleaved: 0 }

  const send = (): void => {
    if (state.blocked) {
      if (state.toWriter === 0) return
      state.toWriter = 0
      if (tx.writable() < 24 + payload) return
      tx.setPending(0)
      state.blocked = false
    }
    const status = tx.send(6, 0, bytes, state.sent, 0)
    if (status === TxStatus.full) {
      tx.setPending(24 + payload)
      state.blocked = true
      // Room that came in between was not signalled.
      if (tx.writable() >= 24 + payload) {
        tx.setPending(0)
        state.blocked = false
      }
      return
    }
    same('status', status, TxStatus.written)
    state.sent++
    if (tx.publish()) {
      state.signals++
      state.toReader++
    }
  }

  /** Masks, takes what there is, unmasks and looks again: asleep afterwards unless something is there. */
  const read = (): void => {
    if (state.toReader === 0) return
    state.toReader = 0
    rx.mask(true)
    for (;;) {
      for (let status = rx.next(); status !== RxStatus.empty; status = rx.next()) {
        same('status', status, RxStatus.packet)
        same('order', rx.transactionLow, state.got++)
        rx.consume()
      }
      if (rx.release()) {
        state.signals++
        state.toWriter++
      }
      rx.mask(false)
      if (rx.next() === RxStatus.empty) return
      rx.mask(true)
    }
  }

  let access = 0
  const due = new Set(moments)
  for (const step of steps) {
    const other = step === 'send' ? read : send
    const intrude = (): void => {
      if (!due.has(access++)) return
      state.interleaved++
      other()
    }
    betweenAtomics(intrude, step === 'send' ? send : read)
  }
  // Only signals that were sent wake anybody.
  for (let turn = 0; turn < 1000 && (state.toReader > 0 || state.toWriter > 0); turn++) {
    read()
    if (state.blocked) send()
  }
  same('the reader sleeps over packets', state.got, state.sent)
  same('the writer sleeps over room', state.blocked, false)
  return state
}

test('no wake-up is lost, whichever moment the other end acts at', () => {
  let interleaved = 0
  let signals = 0
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 250 }), { maxLength: 40, size: 'max' }),
      fc.array(fc.constantFrom('send' as const, 'send' as const, 'read' as const), {
        minLength: 5,
        maxLength: 60,
        size: 'max',
      }),
      fc.constantFrom(8, 480, 1000, 2000, 4064),
      (moments, steps, payload) => {
        const result = race(moments, steps, payload)
        interleaved += result.interleaved
        signals += result.signals
      },
    ),
    { numRuns: 2000, seed: 20_261_124 },
  )
  expect(interleaved).toBeGreaterThan(2000)
  expect(signals).toBeGreaterThan(2000)
})

test('an index is visible after all that it covers', () => {
  let looks = 0
  fc.assert(
    fc.property(fc.nat({ max: 511 }), fc.integer({ min: 0, max: 1200 }), (start, length) => {
      ram.bytes.fill(0)
      const memory = hookedMemory(ram)
      const area = ringArea(memory, [1, 2])
      ram.words[area.control] = start * 8
      ram.words[area.control + 1] = start * 8
      const tx = new Tx(area)
      const payload = new Uint8Array(length).fill(0xc7)
      const plain = ringArea(ram, [1, 2])
      let seen = 0
      memory.hook = () => {
        // A reader that looks at every moment sees nothing, or the whole packet.
        looks++
        const rx = new Rx(plain)
        if (rx.next() === RxStatus.empty) return
        seen++
        const words = new Int32Array(512)
        const into = new Uint8Array(words.buffer)
        rx.copy(into, words)
        same('length', rx.length, 16 + ((length + 7) & ~7))
        for (let i = 0; i < length; i++) same('payload', into[16 + i], 0xc7)
      }
      tx.send(6, 0, payload, 0, 0)
      same('seen before it was published', seen, 0)
      tx.publish()
      memory.hook()
      if (seen === 0) throw new Error('never seen')
    }),
    { numRuns: 300, seed: 1 },
  )
  expect(looks).toBeGreaterThan(1000)
})
