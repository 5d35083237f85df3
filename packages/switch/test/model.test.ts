import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  createSwitch,
  type Frame,
  type PortOptions,
  type Switch,
  type SwitchState,
  type VlanOptions,
} from '@vmbus/switch'
import { hex, testWorld } from './world.ts'

const SEED = 20260105
const PORTS = 5
const AGEING = 1000

const vlan: fc.Arbitrary<VlanOptions> = fc.oneof(
  fc.record({ access: fc.constantFrom(0, 1, 2) }),
  fc.record({
    trunk: fc.uniqueArray(fc.constantFrom(1, 2, 3), { maxLength: 3 }),
    native: fc.constantFrom(undefined, 0, 1, 2),
  }),
)
type Step =
  | {
      readonly kind: 'send'
      readonly from: number
      readonly source: number
      readonly destination: number
      readonly tag: number
    }
  | { readonly kind: 'link'; readonly port: number; readonly up: boolean }
  | { readonly kind: 'wait'; readonly time: number }
const port = fc.nat(PORTS - 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      from: port,
      source: fc.integer({ min: 1, max: 6 }),
      destination: fc.integer({ min: 0, max: 7 }),
      tag: fc.constantFrom(-1, -1, 0, 1, 2, 3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('link' as const), port, up: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), time: fc.integer({ min: 1, max: 1500 }) }) },
)

/** 0 is broadcast, 7 a multicast group, others are stations. */
const address = (n: number): string => (n === 0 ? 'ffffffffffff' : n === 7 ? '01005e000001' : `02000000000${n}`)
const bytesOf = (s: Step & { kind: 'send' }, serial: number): Uint8Array =>
  hex(
    `${address(s.destination)}${address(s.source)}${s.tag < 0 ? '' : `8100 200${s.tag}`} 88b5 ${serial.toString(16).padStart(8, '0')}`,
  )

/** The rules of a learning VLAN switch, written down once more in the simplest way. */
function model(vlans: readonly VlanOptions[]) {
  const learned = new Map<string, { port: number; at: number }>()
  const up = vlans.map(() => true)
  const untagged = (p: number): number | undefined => {
    const v = vlans[p]
    return v && ('access' in v ? v.access : v.native)
  }
  const tagged = (p: number, id: number): boolean => {
    const v = vlans[p]
    return v !== undefined && 'trunk' in v && v.trunk.includes(id)
  }
  const member = (p: number, id: number): boolean => untagged(p) === id || tagged(p, id)
  return {
    link(p: number, to: boolean) {
      if (up[p] && !to) for (const [key, entry] of learned) if (entry.port === p) learned.delete(key)
      up[p] = to
    },
    send(
      { from, source, destination, tag }: Step & { kind: 'send' },
      now: number,
    ): [port: number, tag: number | undefined][] {
      if (!up[from]) return []
      const id = tag <= 0 ? untagged(from) : tagged(from, tag) ? tag : undefined
      if (id === undefined) return []
      learned.set(`${id} ${source}`, { port: from, at: now })
      const known = learned.get(`${id} ${destination}`)
      const targets = known && now - known.at <= AGEING && up[known.port] ? [known.port] : vlans.map((_, p) => p)
      return targets
        .filter((p) => p !== from && up[p] && member(p, id))
        .map((p) => [p, untagged(p) === id ? undefined : id])
    },
  }
}

function plug(
  one: Switch,
  vlans: readonly VlanOptions[],
  take: (port: number, frame: Frame) => void,
  more: Partial<PortOptions> = {},
) {
  return vlans.map((v, i) =>
    one.connect({
      name: `p${i}`,
      vlan: v,
      accepts: { vlan: i % 2 === 1 },
      receive: (frame) => take(i, frame),
      ...more,
    }),
  )
}

test('who receives which frame, with which tag, is what the model says', () => {
  fc.assert(
    fc.property(
      fc.array(vlan, { minLength: PORTS, maxLength: PORTS }),
      fc.array(step, { maxLength: 60 }),
      (vlans, steps) => {
        const world = testWorld()
        const one = createSwitch({ ...world.deps, ageing: AGEING })
        const got: [number, number | undefined][] = []
        let sent: Uint8Array = new Uint8Array(0)
        const ports = plug(one, vlans, (p, { bytes, vlan: beside }) => {
          const inside = bytes[12] === 0x81 ? (bytes[15] ?? 0) : undefined
          expect(bytes.subarray(bytes.length - 6)).toEqual(sent.subarray(sent.length - 6))
          expect(inside === undefined || beside === undefined).toBe(true)
          expect(beside === undefined || p % 2 === 1).toBe(true)
          got.push([p, beside?.id ?? inside])
        })
        const oracle = model(vlans)
        steps.forEach((s, serial) => {
          if (s.kind === 'wait') world.clock.advanceTo(world.clock.now() + s.time)
          else if (s.kind === 'link') {
            ports[s.port]?.setLink(s.up)
            oracle.link(s.port, s.up)
          } else {
            sent = bytesOf(s, serial)
            ports[s.from]?.send({ bytes: sent })
            expect(got.splice(0)).toEqual(oracle.send(s, world.clock.now()))
          }
        })
      },
    ),
    { seed: SEED, numRuns: 400 },
  )
})

test('saved and restored at any step, no later frame differs', () => {
  const link = { delay: 200, jitter: 300, loss: 0.2, duplicate: 0.2, bandwidth: 1_000_000 }
  const play = (vlans: readonly VlanOptions[], steps: readonly Step[], cut: number): string[] => {
    const world = testWorld(7)
    const log: string[] = []
    const build = (): { one: Switch; ports: ReturnType<typeof plug> } => {
      const one = createSwitch({ ...world.deps, ageing: AGEING })
      world.owners.set('switch', (name) => one.timer(name))
      const ports = plug(
        one,
        vlans,
        (p, frame) =>
          log.push(`${world.clock.now()} ${p} ${JSON.stringify(frame.vlan)} ${Array.from(frame.bytes).join()}`),
        { link },
      )
      return { one, ports }
    }
    let { one, ports } = build()
    steps.forEach((s, serial) => {
      if (serial === cut) {
        const state: SwitchState = structuredClone(one.save())
        ;({ one, ports } = build())
        one.restore(state)
      }
      if (s.kind === 'wait') world.runTo(world.clock.now() + s.time)
      else if (s.kind === 'link') ports[s.port]?.setLink(s.up)
      else ports[s.from]?.send({ bytes: bytesOf(s, serial) })
    })
    world.runTo(world.clock.now() + 100_000)
    return [...log, JSON.stringify(one.save())]
  }
  fc.assert(
    fc.property(
      fc.array(vlan, { minLength: PORTS, maxLength: PORTS }),
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.nat(40),
      (vlans, steps, cut) => {
        expect(play(vlans, steps, cut % steps.length)).toEqual(play(vlans, steps, -1))
      },
    ),
    { seed: SEED, numRuns: 100 },
  )
})

test('hostile frames: no crash, no memory beyond the limits', () => {
  const world = testWorld()
  const one = createSwitch({ ...world.deps, addresses: { total: 16, perPort: 16 }, transitLimit: 10_000 })
  const ports = plug(
    one,
    [{ access: 0 }, { trunk: [1, 2, 3], native: 0 }, { access: 0 }, { access: 2 }, { trunk: [[1, 4094]] }],
    () => undefined,
  )
  one.connect({ name: 'slow', receive: () => undefined, link: { delay: 1e9 } })
  one.capture(() => undefined)
  const offload = fc.option(
    fc.record({
      segment: fc.constantFrom(undefined, 0, -1, NaN, 1, 536, 1e9),
      transportChecksum: fc.boolean(),
      ipv4Checksum: fc.boolean(),
    }),
    { nil: undefined },
  )
  const start = fc.constantFrom(
    '',
    'ffffffffffff020000000001',
    'ffffffffffff0200000000010800',
    'ffffffffffff02000000000186dd60',
    'ffffffffffff0200000000018100000286dd60',
    'ffffffffffff020000000001080045000000000040004006',
  )
  const tag = fc.option(fc.record({ id: fc.nat(4095), priority: fc.nat(7), dei: fc.boolean() }), { nil: undefined })
  fc.assert(
    fc.property(fc.nat(4), start, fc.uint8Array({ maxLength: 120 }), offload, tag, (from, head, tail, off, vlanTag) => {
      ports[from]?.send({ bytes: new Uint8Array([...hex(head), ...tail]), offload: off, vlan: vlanTag })
      const { addresses, bytesUnderWay } = one.inspect()
      expect(addresses.length).toBeLessThanOrEqual(16)
      expect(bytesUnderWay).toBeLessThanOrEqual(10_000)
    }),
    { seed: SEED, numRuns: 3000 },
  )
})
