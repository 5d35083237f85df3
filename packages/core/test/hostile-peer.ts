import { guestMemory } from '@vmbus/hypervisor'
import fc from 'fast-check'
import { createChannel, type ChannelEnd, type ChannelFault, type ChannelOptions, type Packet } from '../src/index.ts'
import { OFFER } from './channel-pair.ts'
import { hookedMemory } from './hooked-memory.ts'
import { PAGE, guardedMemory, same, sameBytes } from './ring-spec.ts'

const ram = guestMemory(16 * PAGE)
const memory = hookedMemory(ram)
const guard = guardedMemory(ram)
const PFNS = [3, 4, 5, 9, 7, 12]
const DOWNSTREAM = 3
const DATA = 2 * PAGE
const GRANTED = new Set(PFNS)
/** What was in memory when a channel gave up. */
const silent = new Uint8Array(ram.size)
/** What is sent: an array of its own for each of millions of packets costs more than the packet. */
const PAYLOAD = new Uint8Array(PAGE)
const USER_DATA = new Uint8Array(120)

type Role = 'guest' | 'host'

/** What the peer does to the shared pages, with `victim` the end that it attacks. */
type Attack =
  | { readonly kind: 'index'; readonly ring: 'in' | 'out'; readonly by: number }
  | { readonly kind: 'control'; readonly ring: 'in' | 'out'; readonly word: number; readonly value: number }
  /** A u16 of the descriptor that the victim reads next. */
  | { readonly kind: 'descriptor'; readonly field: number; readonly value: number }
  /** A u32 of the header behind it. */
  | { readonly kind: 'header'; readonly word: number; readonly value: number }
  | { readonly kind: 'byte'; readonly page: number; readonly offset: number; readonly value: number }

type Step =
  | {
      readonly kind: 'peer sends'
      readonly what: 'in-band' | 'gpa' | 'transfer' | 'completion'
      readonly size: number
      readonly ranges: number
    }
  | { readonly kind: 'peer receives' | 'look' | 'save' | 'unmask' }
  | { readonly kind: 'send'; readonly size: number }
  | { readonly kind: 'want'; readonly size: number }
  | { readonly kind: 'attack'; readonly attack: Attack }
  /** At the drawn access to memory during the victim's next step. */
  | { readonly kind: 'ambush'; readonly access: number; readonly attack: Attack }

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 64 }),
  fc.constantFrom(0xffffffff, 0x80000000, 0xfffff000, DATA, DATA - 8, 4095, 4096),
  fc.nat({ max: 0xffffffff }),
)
const ring = fc.constantFrom<'in' | 'out'>('in', 'out')
const attack: fc.Arbitrary<Attack> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('index' as const),
      ring,
      by: fc.oneof(
        fc.integer({ min: -12, max: 12 }).map((n) => n * 8),
        fc.constantFrom(1, 4, DATA),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('control' as const),
      ring,
      word: fc.constantFrom(2, 3, 3, 16),
      value: u32,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('descriptor' as const),
      field: fc.integer({ min: 0, max: 3 }),
      value: fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11), fc.nat({ max: 0xffff })),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('header' as const), word: fc.integer({ min: 0, max: 8 }), value: u32 }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('byte' as const),
      page: fc.nat({ max: PFNS.length - 1 }),
      offset: fc.nat({ max: PAGE - 1 }),
      value: fc.nat({ max: 255 }),
    }),
  },
)
const size = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 3000 }))
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('peer sends' as const),
      what: fc.constantFrom<'in-band' | 'gpa' | 'transfer' | 'completion'>(
        'in-band',
        'gpa',
        'gpa',
        'transfer',
        'transfer',
        'completion',
      ),
      size,
      ranges: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom<'peer receives' | 'look' | 'save' | 'unmask'>(
        'peer receives',
        'look',
        'look',
        'look',
        'save',
        'unmask',
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('send' as const), size }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('want' as const), size: fc.integer({ min: 24, max: 4000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('attack' as const), attack }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('ambush' as const), access: fc.nat({ max: 30 }), attack }) },
)

const wordOf = (page: number | undefined, word: number): number => ((page ?? 0) * PAGE) / 4 + word

function strike(victim: Role, what: Attack): void {
  const [toHost, toGuest] = [PFNS.slice(0, DOWNSTREAM), PFNS.slice(DOWNSTREAM)]
  const [incoming, outgoing] = victim === 'host' ? [toHost, toGuest] : [toGuest, toHost]
  const readIndex = (((ram.words[wordOf(incoming[0], 1)] ?? 0) >>> 3) * 8) % DATA
  const at = (offset: number): number => {
    const place = (readIndex + offset) % DATA
    return (incoming[1 + Math.floor(place / PAGE)] ?? 0) * PAGE + (place % PAGE)
  }
  switch (what.kind) {
    case 'index': {
      // What the peer owns: the write index of the ring that it writes, the read index of the other.
      const index = what.ring === 'in' ? wordOf(incoming[0], 0) : wordOf(outgoing[0], 1)
      ram.words[index] = (ram.words[index] ?? 0) + what.by
      break
    }
    case 'control':
      ram.words[wordOf((what.ring === 'in' ? incoming : outgoing)[0], what.word)] = what.value
      break
    case 'descriptor':
      ram.view.setUint16(at(0) + what.field * 2, what.value, true)
      break
    case 'header': {
      const gpa = at(16 + (what.word >>> 1) * 8) + (what.word & 1) * 4
      ram.view.setUint32(gpa, what.value, true)
      break
    }
    case 'byte':
      ram.bytes[(PFNS[what.page] ?? 0) * PAGE + what.offset] = what.value
  }
}

/** Strikes once, at a later access. */
function ambush(victim: Role, access: number, what: Attack): () => void {
  let left = access
  return () => {
    if (left-- > 0) return
    memory.hook = undefined
    strike(victim, what)
  }
}

/** Everything that a packet says of itself is true of the private copy. */
function checkPacket({
  type,
  flags,
  bytes,
  view,
  payloadOffset,
  payloadLength,
  gpaRanges,
  transferRanges,
  transactionLow,
}: Packet): void {
  same('type of the copy', view.getUint16(0, true), type)
  same('offset of the copy', view.getUint16(2, true) * 8, payloadOffset)
  same('length of the copy', view.getUint16(4, true) * 8, payloadOffset + payloadLength)
  same('flags of the copy', view.getUint16(6, true), flags)
  same('id of the copy', view.getUint32(8, true), transactionLow)
  if (payloadOffset < 16 || payloadLength < 0 || payloadOffset + payloadLength > bytes.length)
    throw new Error(`payload ${payloadOffset}+${payloadLength} of ${bytes.length}`)
  same('ranges of a GPA-direct packet', type === 9, gpaRanges.length > 0)
  let header = 24
  for (const { byteOffset, byteCount, pfns } of gpaRanges) {
    same('pages of a range', pfns.length, Math.ceil((byteOffset + byteCount) / PAGE))
    if (byteOffset >= PAGE || byteCount === 0) throw new Error(`range ${byteOffset}+${byteCount}`)
    header += 8 + 8 * pfns.length
  }
  header += 8 * transferRanges.length
  if (header > 24 && header > payloadOffset)
    throw new Error(`ranges of ${header} bytes in a header of ${payloadOffset}`)
  if (bytes.length > 4 * DATA) throw new Error(`a buffer of ${bytes.length} bytes`)
}

export interface HostileTotals {
  inputs: number
  packets: number
  /** Channels that failed, by branch; `none` of those that lived through it. */
  readonly branches: Map<ChannelFault | 'none', number>
}

/** Each way that a channel gives up on its peer. */
export const BRANCHES: readonly ChannelFault[] = [
  'write-index',
  'read-index',
  'packet-length',
  'packet-offset',
  'packet-overrun',
  'packet-limit',
  'packet-type',
  'packet-flags',
  'gpa-header',
  'gpa-count',
  'gpa-range-empty',
  'gpa-range-offset',
  'gpa-range-overrun',
  'transfer-header',
  'transfer-overrun',
]

/** Inputs that a look at the first lengths already refuses prove little. */
export function shallow({ branches }: HostileTotals): number {
  const first = ['write-index', 'read-index', 'packet-length'] as const
  const all = [...branches.values()].reduce((sum, count) => sum + count, 0)
  return first.reduce((sum, branch) => sum + (branches.get(branch) ?? 0), 0) / all
}

export function hostilePeer(numRuns: number, seed: number): HostileTotals {
  const totals: HostileTotals = { inputs: 0, packets: 0, branches: new Map() }
  const limits = fc.constantFrom<Partial<ChannelOptions>>(
    {},
    {},
    { maxPacket: 2048 },
    { unknown: 'ignore' },
    { maxPacket: 256, oversize: 'truncate', unknown: 'ignore' },
  )
  fc.assert(
    fc.property(
      fc.constantFrom<Role>('guest', 'host'),
      limits,
      fc.array(step, { minLength: 6, maxLength: 40, size: 'max' }),
      (victim, options, steps) => {
        guard.reset()
        const branch = attackOnce(victim, options, steps, totals)
        totals.branches.set(branch, (totals.branches.get(branch) ?? 0) + 1)
        same('page written outside the rings', guard.touched(GRANTED), undefined)
      },
    ),
    { numRuns, seed },
  )
  return totals
}

function attackOnce(
  victim: Role,
  options: Partial<ChannelOptions>,
  steps: readonly Step[],
  totals: HostileTotals,
): ChannelFault | 'none' {
  const branches: (ChannelFault | 'none')[] = []
  memory.hook = undefined
  const make = (role: Role, saved?: unknown): ChannelEnd =>
    createChannel({
      memory: role === victim ? memory : ram,
      offer: OFFER,
      role,
      pfns: PFNS,
      downstreamOffset: DOWNSTREAM,
      targetVp: 0,
      userData: USER_DATA,
      signal: () => {},
      gpadl: () => undefined,
      diagnose: ({ detail }) => {
        if (role === victim) branches.push((detail?.['branch'] ?? 'none') as ChannelFault | 'none')
      },
      ...(saved !== undefined && { saved }),
      ...(role === victim && options),
    })
  const ends = { guest: make('guest'), host: make('host') }
  const peer = (): ChannelEnd => ends[victim === 'guest' ? 'host' : 'guest']

  for (const taken of steps) {
    const end = ends[victim]
    switch (taken.kind) {
      case 'peer sends':
        peerSends(peer(), taken)
        continue
      case 'peer receives':
        while (peer().receive() !== undefined);
        continue
      case 'attack':
        totals.inputs++
        strike(victim, taken.attack)
        continue
      case 'ambush':
        totals.inputs++
        memory.hook = ambush(victim, taken.access, taken.attack)
        continue
      case 'save':
        ends[victim] = make(victim, JSON.parse(JSON.stringify(end.save())))
        break
      case 'unmask':
        end.mask(true)
        end.mask(false)
        break
      case 'send':
        end.sendCompletion(PAYLOAD.subarray(0, taken.size), 1, 2)
        break
      case 'want':
        end.wantWritable(taken.size)
        break
      case 'look': {
        end.interrupted()
        // A ring holds so many packets, and one ambush may hold it up once.
        let left = 2 * (DATA / 24) + 2
        for (let packet = end.receive(); packet !== undefined; packet = end.receive()) {
          totals.packets++
          checkPacket(packet)
          if (left-- === 0) throw new Error('receives for ever')
        }
        break
      }
    }
    if (ends[victim].isOpen) continue
    memory.hook = undefined
    checkSilence(ends[victim])
    same('diagnostics', branches.length, 1)
    return branches[0] ?? 'none'
  }
  memory.hook = undefined
  same('diagnostics', branches.length, 0)
  return 'none'
}

function peerSends(peer: ChannelEnd, { what, size: bytes, ranges }: Extract<Step, { kind: 'peer sends' }>): void {
  const payload = PAYLOAD.subarray(0, bytes)
  const count = Array.from({ length: ranges }, (_, i) => i)
  if (what === 'in-band') peer.sendInBand(payload, bytes, ranges, true)
  else if (what === 'completion') peer.sendCompletion(payload, bytes, ranges)
  else if (what === 'gpa')
    peer.sendGpaDirect(
      count.map((i) => ({
        byteOffset: 100 * i,
        byteCount: 1 + i * 3000,
        pfns: Array.from({ length: Math.ceil((100 * i + 1 + i * 3000) / PAGE) }, (_, page) => page),
      })),
      payload,
      1,
      2,
    )
  else
    peer.sendTransferPages(
      0xcafe,
      count.map((i) => ({ byteOffset: i * 1500, byteCount: 60 + i })),
      payload,
      1,
      2,
    )
}

/** A channel that gave up reads nothing, writes nothing and answers at once. */
function checkSilence(end: ChannelEnd): void {
  silent.set(ram.bytes)
  same('sends', end.sendInBand(new Uint8Array(8), 0, 0, false) || end.sendCompletion(new Uint8Array(8), 0, 0), false)
  same('receives', end.receive(), undefined)
  same('readable', end.readable, false)
  same('writable', end.writableBytes, 0)
  end.cork()
  end.uncork()
  end.wantWritable(100)
  end.mask(true)
  same('due', end.interrupted(), 0)
  sameBytes('memory after the failure', ram.bytes, silent)
}
