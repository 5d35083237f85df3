import { expect, test } from 'vitest'
import { bringUp, fixture, siefpOf, simpOf } from './fixture.ts'

const SINT2 = simpOf() + 2 * 256
const text = (s: string): Uint8Array => Uint8Array.from(s, (c) => c.charCodeAt(0))

test('a message is 256 bytes of the SINT slot: type, size, flags, sender, payload, zeros', () => {
  const r = fixture()
  bringUp(r)
  r.memory.bytes.fill(0xee, SINT2, SINT2 + 256)
  r.memory.view.setUint32(SINT2, 0, true)
  expect(r.partition.postMessage(0, 2, 1, text('abc'))).toBe(0)
  const slot = r.memory.bytes.slice(SINT2, SINT2 + 256)
  expect(slot.slice(0, 20)).toEqual(Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x61, 0x62, 0x63, 0))
  expect(slot.slice(19).every((b) => b === 0)).toBe(true)
  expect(r.interrupts).toEqual([[0, 0xf3, false]])
})

test('a busy slot gets the pending flag and no interrupt; EOM after freeing delivers the next, in order', () => {
  const r = fixture()
  bringUp(r)
  for (const s of ['one', 'two', 'three']) expect(r.partition.postMessage(0, 2, 1, text(s))).toBe(0)
  expect(r.interrupts).toHaveLength(1)
  expect(r.partition.queuedMessages(0, 2)).toBe(2)
  expect(r.memory.bytes[SINT2 + 5]).toBe(1)

  // EOM before the slot is free delivers nothing.
  r.write(0x4000_0084, 0n)
  expect(r.interrupts).toHaveLength(1)

  r.memory.view.setUint32(SINT2, 0, true)
  expect(r.partition.queuedMessages(0, 2)).toBe(2)
  r.write(0x4000_0084, 0n)
  expect(String.fromCharCode(...r.memory.bytes.slice(SINT2 + 16, SINT2 + 19))).toBe('two')
  expect(r.memory.bytes[SINT2 + 5]).toBe(1)

  r.memory.view.setUint32(SINT2, 0, true)
  r.write(0x4000_0084, 0n)
  expect(String.fromCharCode(...r.memory.bytes.slice(SINT2 + 16, SINT2 + 21))).toBe('three')
  expect(r.memory.bytes[SINT2 + 5]).toBe(0)
  expect(r.interrupts).toHaveLength(3)
})

test('a message stays behind those that wait, even when the guest has freed the slot without EOM', () => {
  const r = fixture()
  bringUp(r)
  for (const s of ['1', '2']) r.partition.postMessage(0, 2, 1, text(s))
  r.memory.view.setUint32(SINT2, 0, true)
  r.partition.postMessage(0, 2, 1, text('3'))
  const seen: string[] = []
  for (let i = 0; i < 2; i++) {
    r.write(0x4000_0084, 0n)
    seen.push(String.fromCharCode(r.memory.bytes[SINT2 + 16] ?? 0))
    r.memory.view.setUint32(SINT2, 0, true)
  }
  expect(seen).toEqual(['2', '3'])
})

test('event flags: bit flag&7 of byte flag>>3 of the SINT area, an interrupt on 0→1 alone', () => {
  const r = fixture()
  bringUp(r)
  expect(r.partition.signalEvent(0, 2, 13)).toBe(0)
  expect(r.partition.signalEvent(0, 2, 13)).toBe(0)
  expect(r.memory.bytes[siefpOf() + 2 * 256 + 1]).toBe(0x20)
  expect(r.interrupts).toHaveLength(1)
  r.memory.bytes[siefpOf() + 2 * 256 + 1] = 0
  r.partition.signalEvent(0, 2, 13)
  r.partition.signalEvent(0, 2, 2047)
  expect(r.interrupts).toHaveLength(3)
  expect(r.memory.bytes[siefpOf() + 2 * 256 + 255]).toBe(0x80)
})

test('a SynIC that is not up answers 0x18, a wrong place 0x0E or 5', () => {
  const r = fixture({ vps: 2 })
  const empty = new Uint8Array(0)
  const all = (sint = 2): number[] => [
    r.partition.postMessage(0, sint, 1, empty),
    r.partition.signalEvent(0, sint, 1),
    r.partition.assertSint(0, sint),
  ]
  expect(all()).toEqual([0x18, 0x18, 0x18])
  expect(r.partition.sintReady(0, 2)).toBe(false)
  bringUp(r)
  expect(r.partition.sintReady(0, 2)).toBe(true)
  expect(all()).toEqual([0, 0, 0])
  r.write(0x4000_0092, 0x100f3n)
  expect(all()).toEqual([0x18, 0x18, 0x18])
  r.write(0x4000_0092, 0xf3n)
  r.write(0x4000_0080, 0n)
  expect(all()).toEqual([0x18, 0x18, 0x18])
  expect([
    r.partition.postMessage(2, 2, 1, empty),
    r.partition.signalEvent(-1, 2, 1),
    r.partition.assertSint(99, 2),
  ]).toEqual([0x0e, 0x0e, 0x0e])
  expect([...all(16), r.partition.signalEvent(0, 2, 2048)]).toEqual([5, 5, 5, 5])
  expect(r.partition.postMessage(0, 2, 1, new Uint8Array(241))).toBe(5)
  expect(r.partition.postMessage(0, 2, 0, empty)).toBe(5)
})

test('the queue behind a slot is bounded, and can be dropped', () => {
  const r = fixture({ messageQueueDepth: 2 })
  bringUp(r)
  const post = (): number => r.partition.postMessage(0, 2, 1, text('x'))
  expect([post(), post(), post(), post()]).toEqual([0, 0, 0, 0x13])
  r.partition.dropMessages(0, 2)
  expect(r.partition.queuedMessages(0, 2)).toBe(0)
  expect(post()).toBe(0)
})

test('what waited is delivered when the SynIC comes up again', () => {
  const r = fixture()
  bringUp(r)
  r.partition.postMessage(0, 2, 1, text('a'))
  r.partition.postMessage(0, 2, 1, text('b'))
  r.write(0x4000_0092, 0x100f3n)
  r.write(0x4000_0083, 0n)
  r.write(0x4000_0083, BigInt(simpOf()) | 1n)
  expect(r.interrupts).toHaveLength(1)
  r.write(0x4000_0092, 0xf3n)
  expect(r.interrupts).toHaveLength(2)
  expect(r.memory.bytes[SINT2 + 16]).toBe(0x62)
})

test('polling SINTs take messages without an interrupt; auto-EOI is passed on', () => {
  const r = fixture()
  bringUp(r, 0, 0x4_00f3n)
  r.partition.postMessage(0, 2, 1, text('a'))
  expect(r.interrupts).toEqual([])
  r.write(0x4000_0094, 0x2_0040n)
  r.partition.postMessage(0, 4, 1, text('a'))
  expect(r.interrupts).toEqual([[0, 0x40, true]])
})

test('the end of an interrupt retries the slot of its vector', () => {
  const r = fixture()
  bringUp(r)
  r.partition.postMessage(0, 2, 1, text('a'))
  r.partition.postMessage(0, 2, 1, text('b'))
  r.memory.view.setUint32(SINT2, 0, true)
  r.partition.eoi(0, 0x20)
  expect(r.partition.queuedMessages(0, 2)).toBe(1)
  r.partition.eoi(0, 0xf3)
  expect(r.partition.queuedMessages(0, 2)).toBe(0)
})

test('a guest that empties its slot inside the interrupt gets every message once, in order', () => {
  const seen: number[] = []
  const r = fixture({
    messageQueueDepth: 5000,
    interrupt() {
      const type = r.memory.view.getUint32(SINT2, true)
      if (type === 0) return
      const pending = (): boolean => ((r.memory.bytes[SINT2 + 5] ?? 0) & 1) !== 0
      seen.push(r.memory.view.getUint16(SINT2 + 16, true))
      if (hold) return
      r.memory.view.setUint32(SINT2, 0, true)
      if (pending()) r.write(0x4000_0084, 0n)
    },
  })
  let hold = true
  bringUp(r)
  for (let n = 0; n < 4000; n++) expect(r.partition.postMessage(0, 2, 1, Uint8Array.of(n & 255, n >> 8))).toBe(0)
  hold = false
  r.memory.view.setUint32(SINT2, 0, true)
  r.write(0x4000_0084, 0n)
  expect(seen).toEqual(Array.from({ length: 4000 }, (_, n) => n))
})

test('a message that others wait behind carries the pending flag already when its interrupt comes', () => {
  const flags: (number | undefined)[] = []
  const r = fixture({ interrupt: () => flags.push(r.memory.bytes[SINT2 + 5]) })
  bringUp(r)
  for (const s of ['a', 'b', 'c']) r.partition.postMessage(0, 2, 1, text(s))
  for (let n = 0; n < 2; n++) {
    r.memory.view.setUint32(SINT2, 0, true)
    r.write(0x4000_0084, 0n)
  }
  expect(flags).toEqual([0, 1, 0])
})

test('a queued message is the sender’s bytes of then, in the queue and in a saved state', () => {
  const r = fixture()
  bringUp(r)
  const payload = text('b')
  r.partition.postMessage(0, 2, 1, text('a'))
  r.partition.postMessage(0, 2, 1, payload)
  payload[0] = 0x7a
  const saved = r.partition.save() as { vps: { queues: { payload: Uint8Array }[][] }[] }
  saved.vps[0]?.queues[2]?.[0]?.payload.fill(0x79)
  r.memory.view.setUint32(SINT2, 0, true)
  r.write(0x4000_0084, 0n)
  expect(r.memory.bytes[SINT2 + 16]).toBe(0x62)
})

test('what waited is delivered when the message page comes back', () => {
  const r = fixture()
  bringUp(r)
  r.partition.postMessage(0, 2, 1, text('a'))
  r.partition.postMessage(0, 2, 1, text('b'))
  r.write(0x4000_0083, 0n)
  expect(r.partition.sintReady(0, 2)).toBe(false)
  r.write(0x4000_0083, BigInt(simpOf()) | 1n)
  expect(r.memory.bytes[SINT2 + 16]).toBe(0x62)
  expect(r.interrupts).toHaveLength(2)
})

test('whoever waits for a SynIC hears when it may take again what it refused, after what waited in the partition', () => {
  const r = fixture({ vps: 2, messageQueueDepth: 1 })
  const heard: string[] = []
  const stop = r.partition.onSynicReady((vp) => {
    heard.push(`${vp}: ${r.partition.sintReady(vp, 2)} ${r.partition.queuedMessages(vp, 2)}`)
  })
  bringUp(r, 1)
  // The two pages, the SINT, the control register: ready with the last.
  expect(heard.splice(0)).toEqual(['1: false 0', '1: false 0', '1: false 0', '1: true 0'])
  for (const s of ['one', 'two']) expect(r.partition.postMessage(1, 2, 1, text(s))).toBe(0)
  expect(r.partition.postMessage(1, 2, 1, text('three'))).toBe(0x13)
  r.memory.view.setUint32(simpOf(1) + 2 * 256, 0, true)
  r.write(0x4000_0084, 0n, 1)
  expect(heard.splice(0)).toEqual(['1: true 0'])
  r.write(0x4000_0092, 0x1_00f3n, 1)
  r.write(0x4000_0092, 0xf3n, 1)
  expect(heard.splice(0)).toEqual(['1: false 0', '1: true 0'])
  stop()
  bringUp(r, 0)
  expect(heard).toEqual([])
})

test('the page at GPA 0 is a page for event flags as any other', () => {
  const r = fixture()
  bringUp(r)
  r.write(0x4000_0082, 1n)
  expect(r.partition.signalEvent(0, 2, 9)).toBe(0)
  // 256 bytes for each SINT; flag 9 is bit 1 of the second byte.
  expect(r.memory.bytes[2 * 256 + 1]).toBe(2)
})
