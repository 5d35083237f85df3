import { INTERRUPT_MODES } from '@vmbus/testbench'
import fc from 'fast-check'
import { NVSP_VERSIONS } from '../../src/protocol/index.ts'
import type { WorldOptions } from '../world.ts'

/** How a frame is made: as it is, with a tag, with its checksums left to be done, or to be cut into segments. */
export type Form = 'plain' | 'tagged' | 'segment' | 'checksum' | 'large'
export type Destination = 'guest' | 'stranger' | 'broadcast' | 'group'

/** A change of a 32-bit word of a message: where, and to or by what. */
export interface Damage {
  readonly word: number
  readonly how: 'set' | 'add'
  readonly value: number
}

/** What may happen, as data. */
export type Action =
  | {
      readonly kind: 'guest-sends'
      readonly form: Form
      readonly length: number
      readonly flow: number
      readonly more: boolean
      readonly queue: number
    }
  /** Frames one after the other, while the host's answers are not looked at; `fills`: until one has to wait. */
  | { readonly kind: 'guest-bursts'; readonly count: number; readonly queue: number; readonly fills: boolean }
  | {
      readonly kind: 'peer-sends'
      readonly form: Form
      readonly length: number
      readonly flow: number
      readonly to: Destination
    }
  | { readonly kind: 'steps'; readonly count: number }
  | { readonly kind: 'filter'; readonly filter: number }
  | { readonly kind: 'vf'; readonly serial: number }
  /** Sets what RSS hashes, and nothing else of it. */
  | { readonly kind: 'rescale'; readonly types: number }
  | { readonly kind: 'stop'; readonly waits: boolean }
  /** The host gives a message, which is changed before the guest has looked. */
  | { readonly kind: 'garble'; readonly of: 'frame' | 'link' | 'speed' | 'last'; readonly damage: Damage }
  /** RNDIS packets of the guest, one of them damaged. */
  | { readonly kind: 'raw-data'; readonly count: number; readonly damage: Damage }
  /** A query whose information does not lie where it should. */
  | { readonly kind: 'raw-query'; readonly oid: number; readonly offset: number; readonly length: number }
  | {
      readonly kind: 'settle' | 'save' | 'remove' | 'no-vf' | 'to-vf' | 'to-synthetic' | 'unplug' | 'plug' | 'speed'
    }
  /** The host says nothing for a minute, in which the guest sends a large frame, or stops. */
  | { readonly kind: 'silence'; readonly sends: boolean; readonly stops: boolean }

const form = fc.constantFrom<Form>('plain', 'plain', 'tagged', 'segment', 'checksum', 'large')
const length = fc.integer({ min: 60, max: 1514 })
const flow = fc.nat(15)
/** Mostly of a header, whose lengths and offsets decide what else is looked at. */
const word = fc.oneof(fc.nat(8), fc.nat(8), fc.nat(20))
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({
    word,
    how: fc.constant('set' as const),
    value: fc.constantFrom(0, 1, 11, 12, 4096, 0x7fff_ffff, 0xffff_ffff),
  }),
  fc.record({ word, how: fc.constant('add' as const), value: fc.constantFrom(-8, -4, -1, 1, 4, 8) }),
)
const beside = fc.constantFrom(-8, -1, 0, 1, 4, 8, 0x7fff_ffff)

const usual = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('guest-sends' as const),
      form,
      length,
      flow,
      more: fc.boolean(),
      queue: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('guest-bursts' as const),
      count: fc.integer({ min: 1, max: 200 }),
      queue: fc.nat(3),
      fills: fc.boolean(),
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      kind: fc.constant('peer-sends' as const),
      form,
      length,
      flow,
      to: fc.constantFrom<Destination>('guest', 'guest', 'guest', 'stranger', 'broadcast', 'group'),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 3, arbitrary: fc.constantFrom<Action>({ kind: 'settle' }, { kind: 'save' }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('filter' as const),
      filter: fc.constantFrom(0x0d, 0x0d, 0x01, 0x08, 0x09, 0x20, 0),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('rescale' as const),
      types: fc.constantFrom(0x1701, 0x301, 0x101, 0x1401),
    }),
  },
)
const changes: fc.Arbitrary<Action> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('vf' as const), serial: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stop' as const), waits: fc.boolean() }) },
  {
    weight: 8,
    arbitrary: fc.constantFrom<Action>(
      { kind: 'remove' },
      { kind: 'no-vf' },
      { kind: 'to-vf' },
      { kind: 'to-vf' },
      { kind: 'to-synthetic' },
      { kind: 'unplug' },
      { kind: 'plug' },
      { kind: 'speed' },
    ),
  },
)
const attacks: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('garble' as const),
      of: fc.constantFrom('frame' as const, 'link' as const, 'speed' as const, 'last' as const),
      damage,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('raw-data' as const),
      count: fc.integer({ min: 1, max: 3 }),
      damage,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('raw-query' as const),
      oid: fc.constantFrom(0xfc01_020d, 0x0001_0203, 0x0001_0106, 0x0001_010f),
      offset: beside,
      length: beside,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('silence' as const), sends: fc.boolean(), stops: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant<Action>({ kind: 'speed' }) },
)

/** Fast-check's default for a list of at most 60 is one of at most 10. */
const options = { maxLength: 60, size: 'max' as const }
/** Lives of several kinds: with nothing that could lose a frame, with changes, and with peers that break the rules. */
export const actions: fc.Arbitrary<Action[]> = fc.oneof(
  fc.array(usual, options),
  fc.array(fc.oneof({ weight: 6, arbitrary: usual }, { weight: 2, arbitrary: changes }), options),
  fc.array(
    fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: changes }, { weight: 2, arbitrary: attacks }),
    options,
  ),
)

/** Pages of the send buffer: a few sections, or more than the smallest ring can complete at once. */
export const SEND_PAGES = { few: 16, many: 256 } as const

export interface Setup extends WorldOptions {
  /** The world is saved and restored after each action. */
  readonly saves: boolean
}

export const setups: fc.Arbitrary<Setup> = fc.record({
  interrupts: fc.constantFrom(...INTERRUPT_MODES),
  saves: fc.constantFrom(false, false, false, true),
  vps: fc.integer({ min: 1, max: 4 }),
  pages: fc.constant(512),
  settings: fc.record({ versions: fc.subarray([...NVSP_VERSIONS], { minLength: 1 }) }),
  host: fc.record({
    queues: fc.integer({ min: 1, max: 5 }),
    vlan: fc.constantFrom({ access: 0 }, { trunk: [[1, 100] as const], native: 0 }),
  }),
  guest: fc.record({
    channels: fc.integer({ min: 1, max: 5 }),
    ringPages: fc.constantFrom(2, 4),
    pageRanges: fc.boolean(),
    rsc: fc.boolean(),
    sendBufferBytes: fc.constantFrom(SEND_PAGES.few * 4096, SEND_PAGES.many * 4096),
  }),
})
