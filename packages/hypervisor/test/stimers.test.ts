import { expect, test } from 'vitest'
import { bringUp, fixture, simpOf, type Fixture } from './fixture.ts'

const CONFIG = 0x4000_00b0
const COUNT = 0x4000_00b1
const ENABLED = 1n
const PERIODIC = 2n
const LAZY = 4n
const AUTO = 8n
const sint = (n: bigint): bigint => n << 16n
const direct = (vector: bigint): bigint => (1n << 12n) | (vector << 4n)
const SLOT4 = simpOf() + 4 * 256

/** SINT 4 for timers, as FreeBSD has it. */
function ready(): Fixture {
  const r = fixture()
  bringUp(r)
  r.write(0x4000_0094, 0x40n)
  return r
}
const message = (r: Fixture): [type: number, index: number, due: bigint, delivered: bigint] => {
  const { view } = r.memory
  return [
    view.getUint32(SLOT4, true),
    view.getUint32(SLOT4 + 16, true),
    view.getBigUint64(SLOT4 + 24, true),
    view.getBigUint64(SLOT4 + 32, true),
  ]
}
const free = (r: Fixture): void => {
  r.memory.view.setUint32(SLOT4, 0, true)
  r.write(0x4000_0084, 0n)
}

test('one-shot with auto-enable: expires at its count, once, by a message of 24 bytes', () => {
  const r = ready()
  r.write(CONFIG + 2, AUTO | sint(4n))
  expect(r.queue.next()).toBe(Infinity)
  r.write(COUNT + 2, 5000n)
  expect(r.read(CONFIG + 2)).toBe(AUTO | ENABLED | sint(4n))
  r.runTo(4999)
  expect(r.interrupts).toEqual([])
  r.runTo(5000)
  expect(r.interrupts).toEqual([[0, 0x40, false]])
  expect(message(r)).toEqual([0x8000_0010, 1, 5000n, 5000n])
  expect(r.memory.bytes[SLOT4 + 4]).toBe(24)
  expect(r.read(CONFIG + 2)).toBe(AUTO | sint(4n))
  expect(r.read(COUNT + 2)).toBe(5000n)
  r.runTo(100_000)
  expect(r.interrupts).toHaveLength(1)
})

test('a count in the past expires at once', () => {
  const r = ready()
  r.runTo(1000)
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 10n)
  expect(r.queue.next()).toBe(1000)
  r.runTo(1000)
  expect(message(r)).toEqual([0x8000_0010, 0, 10n, 1000n])
})

test('count 0 stops a timer; SINT 0 cannot be used; direct mode needs its feature', () => {
  const r = ready()
  r.write(CONFIG, ENABLED | sint(4n))
  r.write(COUNT, 500n)
  r.write(COUNT, 0n)
  expect([r.read(CONFIG), r.queue.next()]).toEqual([sint(4n), Infinity])
  r.write(CONFIG, ENABLED | AUTO)
  r.write(COUNT, 500n)
  expect([r.read(CONFIG), r.queue.next()]).toEqual([AUTO, Infinity])
  const plain = fixture({ features: { misc: 0 } })
  expect(plain.write(CONFIG, direct(0x50n))).toBe(false)
})

test('every bit of a configuration reads back as written, enabled by count or not', () => {
  const r = ready()
  r.write(CONFIG, 0xffff_ffff_ffff_fffen)
  r.write(COUNT, 1n << 60n)
  expect(r.read(CONFIG)).toBe(0xffff_ffff_ffff_ffffn)
  expect(JSON.stringify(r.partition.save())).not.toContain('[-1')
})

test('direct mode raises its vector without SynIC, and never one below 16', () => {
  const r = fixture()
  r.write(CONFIG, AUTO | direct(0xedn))
  r.write(COUNT, 100n)
  r.write(CONFIG + 2, AUTO | direct(0x0fn))
  r.write(COUNT + 2, 100n)
  r.runTo(100)
  expect(r.interrupts).toEqual([[0, 0xed, false]])
  expect([r.read(CONFIG), r.read(CONFIG + 2)]).toEqual([AUTO | direct(0xedn), AUTO | direct(0x0fn)])
})

test('a periodic timer expires every count from when it was started', () => {
  const r = ready()
  r.runTo(70)
  r.write(COUNT, 1000n)
  r.write(CONFIG, ENABLED | PERIODIC | sint(4n))
  const due: bigint[] = []
  for (const at of [1070, 2070, 3070]) {
    r.runTo(at - 1)
    expect(r.memory.view.getUint32(SLOT4, true)).toBe(0)
    r.runTo(at)
    due.push(message(r)[2])
    free(r)
  }
  expect(due).toEqual([1070n, 2070n, 3070n])
})

test('a busy slot: the expiration waits for EOM, then a periodic timer catches up at half its period', () => {
  const r = ready()
  r.write(COUNT, 1000n)
  r.write(CONFIG, ENABLED | PERIODIC | sint(4n))
  r.runTo(4200)
  expect(r.interrupts).toHaveLength(1)
  expect(r.memory.bytes[SLOT4 + 5]).toBe(1)
  const seen = [message(r)]
  free(r)
  seen.push(message(r))
  for (let at = 4300; at <= 7100; at += 100) {
    r.memory.view.setUint32(SLOT4, 0, true)
    r.runTo(at)
    if (r.memory.view.getUint32(SLOT4, true) !== 0) seen.push(message(r))
  }
  expect(seen.map(([, , due, delivered]) => [due, delivered])).toEqual([
    [1000n, 1000n],
    [2000n, 4200n],
    [3000n, 4700n],
    [4000n, 5200n],
    [5000n, 5700n],
    [6000n, 6000n],
    [7000n, 7000n],
  ])
})

test('a lazy periodic timer skips what it missed', () => {
  const r = ready()
  r.write(COUNT, 1000n)
  r.write(CONFIG, ENABLED | PERIODIC | LAZY | sint(4n))
  r.runTo(4200)
  free(r)
  expect(r.interrupts).toHaveLength(1)
  r.runTo(5000)
  expect(message(r)).toEqual([0x8000_0010, 0, 5000n, 5000n])
})

test('a one-shot expiration waits until its SINT is unmasked', () => {
  const r = ready()
  r.write(0x4000_0094, 0x1_0040n)
  r.write(CONFIG, AUTO | LAZY | sint(4n))
  r.write(COUNT, 100n)
  r.runTo(200)
  expect(r.interrupts).toEqual([])
  r.write(0x4000_0094, 0x40n)
  expect(message(r)).toEqual([0x8000_0010, 0, 100n, 200n])
  expect(r.interrupts).toHaveLength(1)
})

test('setting a timer again forgets an expiration that waits', () => {
  const r = ready()
  r.partition.postMessage(0, 4, 1, new Uint8Array(8))
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 100n)
  r.runTo(150)
  r.write(COUNT, 300n)
  free(r)
  expect(r.memory.view.getUint32(SLOT4, true)).toBe(0)
  r.runTo(300)
  expect(message(r)[2]).toBe(300n)
})

test('channel messages and expirations share a slot; none is lost', () => {
  const r = ready()
  r.partition.postMessage(0, 4, 1, Uint8Array.of(1))
  r.partition.postMessage(0, 4, 1, Uint8Array.of(2))
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 100n)
  r.runTo(150)
  const types: number[] = []
  for (let i = 0; i < 3; i++) {
    types.push(r.memory.view.getUint32(SLOT4, true))
    free(r)
  }
  expect(types).toEqual([1, 0x8000_0010, 1])
  expect(r.memory.view.getUint32(SLOT4, true)).toBe(0)
})

test('the shortest period is 10 µs, however the guest asks', () => {
  const r = fixture()
  r.write(COUNT, 1n)
  r.write(CONFIG, ENABLED | PERIODIC | direct(0x40n))
  r.runTo(1000)
  expect(r.interrupts).toHaveLength(10)
})

test('a count beyond every clock is kept and never expires', () => {
  const r = ready()
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 0xffff_ffff_ffff_ffffn)
  expect([r.read(COUNT), r.queue.next()]).toEqual([0xffff_ffff_ffff_ffffn, Infinity])
})

test('a call for a timer that is not due yet, or that is none, does nothing but ask again', () => {
  const r = ready()
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 100n)
  for (const name of ['stimer/0/0', 'stimer/0/9', 'stimer/7/0', 'stimer', '', 'other/0/0']) r.partition.timer(name)
  expect(r.interrupts).toEqual([])
  r.runTo(100)
  expect(r.interrupts).toHaveLength(1)
})

test('the end of another SINT’s interrupt leaves a waiting expiration alone', () => {
  const r = ready()
  r.partition.postMessage(0, 4, 1, new Uint8Array(8))
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 100n)
  r.runTo(150)
  r.memory.view.setUint32(SLOT4, 0, true)
  r.partition.eoi(0, 0xf3)
  expect(r.memory.view.getUint32(SLOT4, true)).toBe(0)
  r.partition.eoi(0, 0x40)
  expect(message(r)).toEqual([0x8000_0010, 0, 100n, 150n])
})

test('an expiration that waits survives save and restore', () => {
  const r = ready()
  r.partition.postMessage(0, 4, 1, new Uint8Array(8))
  r.write(CONFIG, AUTO | sint(4n))
  r.write(COUNT, 100n)
  r.runTo(150)
  r.partition.restore(structuredClone(r.partition.save()))
  free(r)
  expect(message(r)).toEqual([0x8000_0010, 0, 100n, 150n])
})

test.each([
  [3999, 4000],
  [4000, 5000],
])('a lazy periodic timer that is first looked at at %i expires next at %i', (at, next) => {
  const r = ready()
  r.write(COUNT, 1000n)
  r.write(CONFIG, ENABLED | PERIODIC | LAZY | sint(4n))
  r.clock.advanceTo(at)
  r.queue.run(at)
  expect([message(r), r.queue.next()]).toEqual([[0x8000_0010, 0, 1000n, BigInt(at)], next])
})
