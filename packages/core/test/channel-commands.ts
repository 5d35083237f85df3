import { guestMemory, type GuestMemory } from '@vmbus/hypervisor'
import fc from 'fast-check'
import { Due, createChannel, type ChannelEnd } from '../src/index.ts'
import { OFFER } from './channel-pair.ts'
import { PAGE, guardedMemory, same } from './ring-spec.ts'

type Role = 'guest' | 'host'
const other = (role: Role): Role => (role === 'guest' ? 'host' : 'guest')

/** One end as its device drives it: it looks at the ring only when told to. */
interface End {
  channel: ChannelEnd
  /** Sequence numbers to send next, and to receive next. */
  sends: number
  receives: number
  /** Signalled, and not looked yet. */
  doorbell: boolean
  /** Waits for room. */
  blocked: boolean
  backlog: number[]
  masks: boolean
}

interface World {
  readonly ends: Record<Role, End>
  readonly make: (role: Role, saved?: unknown) => ChannelEnd
  signals: number
}

let blockings = 0
const memory = guestMemory(24 * PAGE)
const guard = guardedMemory(memory)

/** The payload's length and content follow from its number. */
function payloadOf(sequence: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(8, length))
  const view = new DataView(bytes.buffer)
  view.setUint32(0, sequence, true)
  view.setUint32(4, bytes.length, true)
  for (let i = 8; i < bytes.length; i++) bytes[i] = sequence + i
  return bytes
}

function sendBacklog(end: End): void {
  for (let length = end.backlog[0]; length !== undefined; length = end.backlog[0]) {
    const payload = payloadOf(end.sends, length)
    if (!end.channel.sendInBand(payload, end.sends, ~end.sends >>> 0, (end.sends & 1) === 1)) {
      same('open', end.channel.isOpen, true)
      end.blocked = true
      blockings++
      end.channel.wantWritable(16 + ((payload.length + 7) & ~7) + 8)
      return
    }
    end.backlog.shift()
    end.sends++
  }
  end.blocked = false
}

function receiveSome(end: End, peer: End, most: number): boolean {
  for (let i = 0; i < most; i++) {
    const packet = end.channel.receive()
    if (packet === undefined) {
      same('open', end.channel.isOpen, true)
      return true
    }
    const sequence = end.receives++
    if (sequence >= peer.sends) throw new Error('received more than was sent')
    same('sequence', packet.view.getUint32(packet.payloadOffset, true), sequence)
    const length = packet.view.getUint32(packet.payloadOffset + 4, true)
    same('payload length', packet.payloadLength, (length + 7) & ~7)
    for (let at = 8; at < length; at++) same('payload', packet.bytes[packet.payloadOffset + at], (sequence + at) & 0xff)
    same('transaction', packet.transactionLow, sequence)
    same('transaction', packet.transactionHigh, ~sequence >>> 0)
    same('flags', packet.flags, sequence & 1)
  }
  return false
}

/** What a device's owner does when the doorbell rings. `most`: packets that the device takes before it yields. */
function answer(world: World, role: Role, most: number): void {
  const end = world.ends[role]
  if (!end.doorbell) return
  end.doorbell = false
  const due = end.channel.interrupted()
  if (due & Due.writable) {
    end.blocked = false
    sendBacklog(end)
  }
  if ((due & Due.readable) === 0) return
  if (end.masks) end.channel.mask(true)
  const empty = receiveSome(end, world.ends[other(role)], most)
  // Whoever stops before the ring is empty comes back by itself: nobody will signal.
  if (!empty) end.doorbell = true
  // Unmasking looks again and calls `due`.
  if (end.masks) end.channel.mask(false)
}

type ChannelCommand = fc.Command<Record<string, never>, World>
const command = (text: string, run: (world: World) => void): ChannelCommand => ({
  check: () => true,
  run: (_, world) => run(world),
  toString: () => text,
})

const role = fc.constantFrom<Role>('guest', 'host')
const lengths = fc.array(fc.oneof(fc.integer({ min: 8, max: 200 }), fc.integer({ min: 8, max: 3900 })), {
  minLength: 1,
  maxLength: 8,
})

const commands = fc.commands(
  [
    fc.tuple(role, lengths, fc.boolean()).map(([who, sizes, corked]) =>
      command(`${who} sends ${sizes.join()}${corked ? ' corked' : ''}`, ({ ends }) => {
        const end = ends[who]
        end.backlog.push(...sizes)
        if (end.blocked) return
        if (corked) end.channel.cork()
        sendBacklog(end)
        if (corked) end.channel.uncork()
      }),
    ),
    fc
      .tuple(role, fc.integer({ min: 1, max: 12 }))
      .map(([who, most]) => command(`${who} answers, ${most} at most`, (world) => answer(world, who, most))),
    fc.tuple(role, fc.boolean()).map(([who, masks]) =>
      command(`${who} ${masks ? 'masks' : 'does not mask'} while it reads`, ({ ends }) => {
        ends[who].masks = masks
      }),
    ),
    role.map((who) =>
      command(`${who} is saved and restored`, ({ ends, make }) => {
        ends[who].channel = make(who, JSON.parse(JSON.stringify(ends[who].channel.save())))
      }),
    ),
  ],
  { maxCommands: 50, size: 'max' },
)

const pages = fc.shuffledSubarray(
  Array.from({ length: 20 }, (_, i) => i + 2),
  { minLength: 4, maxLength: 10 },
)

/**
 * Both ends of a channel in any order of steps, each of which acts only on signals: at the end everything that was sent
 * has arrived, once and in order, and nobody waits for a signal that does not come.
 */
export function channelModel(numRuns: number, seed: number): { packets: number; blocked: number; signals: number } {
  const totals = { packets: 0, blocked: 0, signals: 0 }
  blockings = 0
  fc.assert(
    fc.property(pages, fc.integer({ min: 2, max: 8 }), commands, (pfns, cut, steps) => {
      guard.reset()
      const downstreamOffset = Math.min(pfns.length - 2, cut)
      const world = worldOf(memory, pfns, downstreamOffset)
      fc.modelRun(() => ({ model: {}, real: world }), steps)
      const { guest, host } = world.ends
      for (let turn = 0; turn < 10_000 && (guest.doorbell || host.doorbell); turn++) {
        answer(world, 'guest', 5)
        answer(world, 'host', 5)
      }
      same('packets that the guest waits to send', guest.backlog.length, 0)
      same('packets that the host waits to send', host.backlog.length, 0)
      same('packets that the host received', host.receives, guest.sends)
      same('packets that the guest received', guest.receives, host.sends)
      same('page written outside the rings', guard.touched(new Set(pfns)), undefined)
      totals.packets += guest.sends + host.sends
      totals.signals += world.signals
    }),
    { numRuns, seed },
  )
  totals.blocked = blockings
  return totals
}

function worldOf(guestRam: GuestMemory, pfns: readonly number[], downstreamOffset: number): World {
  const make = (who: Role, saved?: unknown): ChannelEnd =>
    createChannel({
      memory: guestRam,
      offer: OFFER,
      role: who,
      pfns,
      downstreamOffset,
      targetVp: 0,
      userData: new Uint8Array(120),
      signal: () => {
        world.signals++
        world.ends[other(who)].doorbell = true
      },
      due: () => {
        world.ends[who].doorbell = true
      },
      gpadl: () => undefined,
      diagnose: ({ message }) => {
        throw new Error(message)
      },
      ...(saved !== undefined && { saved }),
    })
  const end = (who: Role): End => ({
    channel: make(who),
    sends: 0,
    receives: 0,
    doorbell: false,
    blocked: false,
    backlog: [],
    masks: false,
  })
  const world: World = { ends: {} as World['ends'], make, signals: 0 }
  world.ends.guest = end('guest')
  world.ends.host = end('host')
  return world
}
