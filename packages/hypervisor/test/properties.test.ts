import fc from 'fast-check'
import { expect, test } from 'vitest'
import { guestMemory, guestProcessor, takeEventFlags } from '../src/index.ts'
import { damaged, differenceAt, taken } from '@vmbus/world/testing'
import { bringUp, identify, fixture, siefpOf, simpOf, type Fixture } from './fixture.ts'

const runs = (numRuns: number): { seed: number; numRuns: number } => ({
  seed: 0x5716c,
  numRuns: process.env['VMBUS_TIER'] === 'deep' ? numRuns * 50 : numRuns,
})

type SlotStep = { kind: 'post' } | { kind: 'free' } | { kind: 'eom' } | { kind: 'mask'; masked: boolean }
const slotStep: fc.Arbitrary<SlotStep> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ kind: 'post' } as const) },
  { weight: 4, arbitrary: fc.constant({ kind: 'free' } as const) },
  { weight: 4, arbitrary: fc.constant({ kind: 'eom' } as const) },
  { weight: 1, arbitrary: fc.boolean().map((masked) => ({ kind: 'mask', masked }) as const) },
)

/** The slot and queue as wire/01 §3 states them: what the guest can see is `slot`, `pending` and `interrupts`. */
interface SlotModel {
  slot: number | undefined
  pending: boolean
  waiting: number[]
  interrupts: number
  masked: boolean
}

function deliverInModel(m: SlotModel): void {
  const next = m.waiting[0]
  if (m.masked || next === undefined) return
  if (m.slot !== undefined) {
    m.pending = true
    return
  }
  m.waiting.shift()
  m.slot = next
  m.interrupts++
  m.pending = m.waiting.length > 0
}

test('model: no message is lost or reordered, and the pending flag is set exactly when one waits behind a full slot', () => {
  const memory = guestMemory(32 * 4096)
  fc.assert(
    fc.property(fc.array(slotStep, { maxLength: 60 }), (steps) => {
      memory.bytes.fill(0)
      const r = fixture({ messageQueueDepth: 5, memory })
      bringUp(r)
      const slot = simpOf() + 512
      const m: SlotModel = { slot: undefined, pending: false, waiting: [], interrupts: 0, masked: false }
      const accepted: number[] = []
      const taken: number[] = []
      // What was seen of each step, and what the model says: compared once, because an `expect` takes longer than a step.
      const seen: number[][] = []
      const modelled: number[][] = []
      steps.forEach((step, n) => {
        if (step.kind === 'post') {
          seen.push([r.partition.postMessage(0, 2, 1, Uint8Array.of(n))])
          if (m.masked) modelled.push([0x18])
          else if (m.waiting.length === 5) modelled.push([0x13])
          else {
            modelled.push([0])
            accepted.push(n)
            m.waiting.push(n)
            if (m.waiting.length === 1) deliverInModel(m)
            else if (m.slot !== undefined) m.pending = true
          }
        } else if (step.kind === 'free') {
          if (m.slot !== undefined) taken.push(m.slot)
          m.slot = undefined
          r.memory.view.setUint32(slot, 0, true)
        } else if (step.kind === 'eom') {
          deliverInModel(m)
          r.write(0x4000_0084, 0n)
        } else {
          m.masked = step.masked
          deliverInModel(m)
          r.write(0x4000_0092, step.masked ? 0x1_00f3n : 0xf3n)
        }
        const type = r.memory.view.getUint32(slot, true)
        const held = m.slot === undefined ? [] : [r.memory.view.getUint8(slot + 16), r.memory.view.getUint8(slot + 5)]
        seen.push([type, ...held, r.interrupts.length, r.partition.queuedMessages(0, 2)])
        const model = m.slot === undefined ? [0] : [1, m.slot, m.pending ? 1 : 0]
        modelled.push([...model, m.interrupts, m.waiting.length])
      })
      expect(seen.join('\n')).toBe(modelled.join('\n'))
      expect([...taken, ...(m.slot === undefined ? [] : [m.slot]), ...m.waiting]).toEqual(accepted)
    }),
    runs(300),
  )
})

test('model: a flag interrupts on 0→1 alone, and a driver takes each once', () => {
  const step = fc.oneof(
    fc.integer({ min: 1, max: 40 }).map((flag) => ({ flag })),
    fc.constant({ flag: 0 }),
  )
  const memory = guestMemory(32 * 4096)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      memory.bytes.fill(0)
      const r = fixture({ memory })
      bringUp(r)
      const set = new Set<number>()
      let interrupts = 0
      const seen: number[][] = []
      const modelled: number[][] = []
      for (const { flag } of steps) {
        if (flag === 0) {
          const flags: number[] = []
          takeEventFlags(r.memory, siefpOf(), 2, (f) => flags.push(f))
          seen.push(flags)
          modelled.push([...set].toSorted((a, b) => a - b))
          set.clear()
        } else {
          if (!set.has(flag)) interrupts++
          set.add(flag)
          seen.push([r.partition.signalEvent(0, 2, flag)])
          modelled.push([0])
        }
        seen.push([r.interrupts.length])
        modelled.push([interrupts])
      }
      expect(seen.join('\n')).toBe(modelled.join('\n'))
    }),
    runs(200),
  )
})

test('model: a timer expires exactly at the times that its arithmetic gives, when its slot is free', () => {
  const timer = fc.record({
    periodic: fc.boolean(),
    count: fc.integer({ min: 100, max: 5000 }),
    start: fc.integer({ min: 0, max: 3000 }),
  })
  const memory = guestMemory(32 * 4096)
  fc.assert(
    fc.property(fc.array(timer, { minLength: 1, maxLength: 4 }), (timers) => {
      memory.bytes.fill(0)
      const r = fixture({ memory })
      bringUp(r)
      /** When and in whose slot; the timer that the message names, and the high word of its expiration. */
      type Expiry = [at: number, index: number, named: number, expirationHigh: number]
      const expected: Expiry[] = []
      const starts = timers.map((t, index) => ({ ...t, index })).toSorted((a, b) => a.start - b.start)
      const got: Expiry[] = []
      // Each timer has a SINT of its own, so that no slot is ever busy; the "guest" empties them at every event.
      const drain = (): void => {
        for (let n = 0; n < 4; n++) {
          const slot = simpOf() + (8 + n) * 256
          if (r.memory.view.getUint32(slot, true) === 0) continue
          const word = (at: number): number => r.memory.view.getUint32(slot + at, true)
          got.push([Number(r.memory.view.getBigUint64(slot + 32, true)), n, word(16), word(28)])
          r.memory.view.setUint32(slot, 0, true)
        }
      }
      const runTo = (at: number): void => {
        while (r.queue.next() <= at) {
          r.runTo(r.queue.next())
          drain()
        }
        r.runTo(at)
      }
      for (const { periodic, count, start, index } of starts) {
        runTo(start)
        r.write(0x4000_0098 + index, 0x60n)
        r.write(0x4000_00b0 + 2 * index, (periodic ? 3n : 1n) | (BigInt(8 + index) << 16n))
        r.write(0x4000_00b1 + 2 * index, BigInt(count))
        if (!periodic) expected.push([Math.max(count, start), index, index, 0])
        else for (let at = start + count; at <= 10_000; at += count) expected.push([at, index, index, 0])
      }
      runTo(10_000)
      const order = (a: Expiry, b: Expiry): number => a[0] - b[0] || a[1] - b[1]
      expect(got.toSorted(order).join('\n')).toBe(expected.toSorted(order).join('\n'))
    }),
    runs(150),
  )
})

/** What a guest and a host may do to a partition, as data. */
type Step =
  | { kind: 'wrmsr'; vp: number; msr: number; low: number; high: number }
  | { kind: 'rdmsr'; vp: number; msr: number }
  | { kind: 'hypercall'; vp: number; regs: readonly number[] }
  | { kind: 'post' | 'signal' | 'assert' | 'drop' | 'eoi'; vp: number; sint: number; n: number }
  | { kind: 'poke'; gpa: number; value: number }
  | { kind: 'run'; by: number }
  | { kind: 'up'; vp: number }

const word = fc.oneof(
  fc.nat(0xffff_ffff),
  fc.constantFrom(
    0,
    1,
    0xffff_ffff,
    0x8000_0000,
    0x1_0001,
    0xf3,
    0x2_00f3,
    0x5001,
    0x1_0001,
    0x1_1001,
    0x3_f001,
    0x4_0001,
  ),
)
const high = fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: word })
const vp = fc.constantFrom(0, 0, 0, 1, 2, -1, 4_000_000)
const msr = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      0x4000_0000,
      0x4000_0001,
      0x4000_0021,
      0x4000_0073,
      0x4000_0080,
      0x4000_0082,
      0x4000_0083,
      0x4000_0084,
      0x4000_0092,
      0x4000_00b0,
      0x4000_00b1,
      0x4000_00b2,
      0x4000_00b3,
      0x4000_0103,
      0x4000_0104,
      0x4000_0105,
    ),
  },
  { weight: 2, arbitrary: fc.integer({ min: 0x4000_0000, max: 0x4000_0120 }) },
  { weight: 1, arbitrary: fc.integer({ min: -0x8000_0000, max: 0xffff_ffff }) },
)
const timerConfig = fc.constantFrom(0x2_0009, 0x2_000b, 0x2_000f, 0x1ed9, 0x1edb, 0x2_0003)
const control = fc.oneof(fc.constantFrom(0x5c, 0x5d, 0x1_005d, 0x1_005c, 0x5b), word)
const place = { vp, sint: fc.constantFrom(2, 2, 2, 4, 0, 15, 16, -1), n: fc.nat(2100) }
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wrmsr' as const), vp, msr, low: word, high }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wrmsr' as const),
      vp: fc.constant(0),
      msr: fc.constantFrom(0x4000_00b0, 0x4000_00b2),
      low: timerConfig,
      high: fc.constant(0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('wrmsr' as const),
      vp: fc.constant(0),
      msr: fc.constantFrom(0x4000_00b1, 0x4000_00b3),
      low: fc.integer({ min: 0, max: 5000 }),
      high: fc.constant(0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rdmsr' as const), vp, msr }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('hypercall' as const),
      vp,
      regs: fc.tuple(control, high, word, high, word, word),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('post' as const, 'signal' as const, 'assert' as const, 'drop' as const, 'eoi' as const),
      ...place,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('poke' as const),
      gpa: fc.constantFrom(simpOf() + 512, simpOf() + 516, siefpOf() + 512, 0x5000, 0x3_fffc),
      value: fc.constantFrom(0, 0, 1, 0xffff_ffff),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const), by: fc.nat(4000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('up' as const), vp: fc.constantFrom(0, 0, 1) }) },
)

/** Runs one step and returns everything that it answered. */
function perform(r: Fixture, s: Step): unknown {
  switch (s.kind) {
    case 'wrmsr':
      return r.partition.wrmsr(s.vp, s.msr, s.low, s.high)
    case 'rdmsr': {
      const out = new Uint32Array(2)
      return [r.partition.rdmsr(s.vp, s.msr, out), ...out]
    }
    case 'hypercall': {
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = s.regs
      return r.partition.hypercall(s.vp, a, b, c, d, e, f)
    }
    case 'post':
      return r.partition.postMessage(s.vp, s.sint, s.n % 3, new Uint8Array(s.n % 243).fill(s.n))
    case 'signal':
      return r.partition.signalEvent(s.vp, s.sint, s.n)
    case 'assert':
      return r.partition.assertSint(s.vp, s.sint)
    case 'drop':
      return r.partition.dropMessages(s.vp, s.sint)
    case 'eoi':
      return r.partition.eoi(s.vp, s.n % 256)
    case 'poke':
      return r.memory.view.setUint32(s.gpa, s.value, true)
    case 'run':
      return r.runTo(r.clock.now() + s.by)
    case 'up':
      return [bringUp(r, s.vp), identify(r)]
  }
}

/** A partition of three processors over RAM that lies between two guarded regions. */
function guarded(backing: Uint8Array): Fixture {
  const r = fixture({
    vps: 3,
    messageQueueDepth: 8,
    memory: guestMemory(backing.subarray(4096, backing.length - 4096)),
    tscOrigin: 5n,
  })
  r.partition.connectMessagePort(1, (_vp, type, payload) => (payload.length > 100 ? 3 : type & 0xff))
  r.partition.connectEventPort(2, (_vp, flag) => flag)
  return r
}

const arena = (): Uint8Array => new Uint8Array(66 * 4096)
/** What can be seen of a partition, with the interrupts since this was last asked. */
const observable = (r: Fixture): Record<string, unknown> => ({
  state: r.partition.save(),
  inspect: r.partition.inspect(),
  interrupts: r.interrupts.splice(0),
  next: r.queue.next(),
})

test('hostile: no register, hypercall or memory contents throws or writes outside RAM', () => {
  const backing = arena()
  const guard = new Uint8Array(4096).fill(0xa5)
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      backing.fill(0)
      backing.set(guard)
      backing.set(guard, backing.length - guard.length)
      const r = guarded(backing)
      for (const s of steps) perform(r, s)
      expect(Buffer.compare(backing.subarray(0, guard.length), guard)).toBe(0)
      expect(Buffer.compare(backing.subarray(backing.length - guard.length), guard)).toBe(0)
      const queued = [0, 1, 2].flatMap((n) =>
        Array.from({ length: 16 }, (_, sint) => r.partition.queuedMessages(n, sint)),
      )
      expect(Math.max(...queued)).toBeLessThanOrEqual(8)
      expect(r.interrupts.every(([n, vector]) => n >= 0 && n < 3 && vector >= 16 && vector <= 255)).toBe(true)
    }),
    runs(400),
  )
})

test('save and restore anywhere change nothing that follows', () => {
  const [first, second] = [arena(), arena()]
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.nat(60), (steps, cut) => {
      first.fill(0)
      second.fill(0)
      const a = guarded(first)
      let b = guarded(second)
      for (const r of [a, b]) {
        bringUp(r)
        identify(r)
      }
      steps.forEach((s, n) => {
        if (n === cut % Math.max(steps.length, 1)) {
          const saved: unknown = structuredClone(b.partition.save())
          const old = b
          b = guarded(second)
          b.clock.advanceTo(old.clock.now())
          b.interrupts.push(...old.interrupts)
          b.partition.restore(saved)
          expect(differenceAt(b.partition.save(), saved)).toBeUndefined()
        }
        const [wanted, got] = [a, b].map((r) => ({ answer: perform(r, s), ...observable(r) }))
        const at = differenceAt(got, wanted)
        if (at !== undefined) expect.fail(`step ${n} differs at ${at}`)
      })
      expect(Buffer.compare(second, first)).toBe(0)
    }),
    runs(150),
  )
})

test('restoring over a running partition replaces its timers, too', () => {
  const r = fixture()
  bringUp(r)
  const clean: unknown = r.partition.save()
  r.write(0x4000_00b0, 0x1ed9n)
  r.write(0x4000_00b1, 500n)
  const armed: unknown = r.partition.save()
  r.partition.restore(clean)
  expect(r.queue.next()).toBe(Infinity)
  r.partition.restore(armed)
  r.runTo(500)
  expect(r.interrupts).toEqual([[0, 0xed, false]])
})

test('a state of another version, or of more processors, is refused', () => {
  const r = fixture({ vps: 2 })
  bringUp(r, 1)
  const two: unknown = r.partition.save()
  for (const bad of [undefined, null, 1, {}, { version: 2, vps: [] }, { version: 1 }])
    expect(() => r.partition.restore(bad)).toThrow('VMBUS_STATE_INVALID')
  expect(() => fixture().partition.restore(two)).toThrow('VMBUS_STATE_INVALID')
})

test('a state with one thing wrong is refused, and nothing has changed', () => {
  const r = fixture({ vps: 2 })
  identify(r)
  bringUp(r, 1)
  for (const byte of [1, 2, 3]) r.partition.postMessage(1, 2, 1, Uint8Array.of(byte))
  r.write(0x4000_00b0, 0x2_0003n, 1)
  r.write(0x4000_00b1, 1000n, 1)
  const states = [...damaged(r.partition.save())]
  expect(states.length).toBeGreaterThan(150)
  expect(taken(states, r.partition)).toEqual([])
  expect(r.queue.next()).toBe(1000)
})

test('a signal allocates no more than a call of nothing does', () => {
  const r = fixture({ quiet: true })
  identify(r)
  let signals = 0
  r.partition.connectEventPort(0x2005, () => {
    signals++
    return 0
  })
  const cpu = guestProcessor(r.partition)
  const grown = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < 100_000; n++) cpu.signalEvent(0x2005)
    return process.memoryUsage().heapUsed - before
  })
  expect(signals).toBe(500_000)
  // One object of 16 bytes a signal would be 1.6 MB in each round; a collection meanwhile only lowers the figure, and until
  // a busy machine has compiled the loop, numbers are objects: the last rounds tell.
  expect(Math.min(...grown.slice(2))).toBeLessThan(500_000)
})
