import type { GuestChannel } from '@vmbus/core'
import type { World } from '../world.ts'
import type { Action, Damage } from './actions.ts'
import { plainFrame, toPeer } from './frames.ts'
import type { Model } from './state.ts'

const PAGE = 4096
const RNDIS = { packet: 1, query: 4, set: 5 } as const
const CHANNEL = { data: 0, control: 1 } as const
const NO_SECTION = 0xffff_ffff
const RNDIS_PACKET = 107
const TRANSFER_PAGES = 7
/** The element that has a frame cut into segments. */
const LARGE_SEND = 2
const RSS_PARAMETERS = 0x0001_0204
/** The high word of the ids of packets that the driver did not send. */
const OURS = 0x77
/** A wait of the driver ends after 30 seconds; 100 ns units. */
const LONG = 650_000_000

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer)
}
const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

function change(view: DataView, at: number, { how, value }: Damage): void {
  if (at + 4 > view.byteLength) return
  view.setUint32(at, (how === 'add' ? view.getUint32(at, true) + value : value) >>> 0, true)
}

/** Sends RNDIS bytes from the last page of memory, which nobody has. */
function send(world: World, channelType: number, bytes: Uint8Array, id: number): void {
  const [channel] = world.guest.devices[0]?.channels ?? []
  const page = world.memory.size / PAGE - 1
  world.memory.bytes.set(bytes, page * PAGE)
  ;(channel as GuestChannel).channel?.sendGpaDirect(
    [{ byteOffset: 0, byteCount: bytes.length, pfns: [page] }],
    words(RNDIS_PACKET, channelType, NO_SECTION, 0, 0, 0, 0, 0, 0, 0),
    id,
    OURS,
  )
}

/** An RNDIS packet with a hash and a checksum that asks for nothing. */
function packet(frame: Uint8Array): Uint8Array {
  const infos = words(16, 8, 12, 0x1234_5678, 16, 0, 12, 0)
  const padding = new Uint8Array(-frame.length & 7)
  const length = 44 + infos.length + frame.length + padding.length
  return joined(
    words(RNDIS.packet, length, 36 + infos.length, frame.length, 0, 0, 0, 36, infos.length, 0, 0),
    infos,
    frame,
    padding,
  )
}

/**
 * Whether every message is whole: RNDIS bodies, data and elements of infos lie within what holds them (wire/04 §4).
 * Undefined where the infos ask for more than their lengths tell.
 */
function isWhole(bytes: Uint8Array): boolean | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += view.getUint32(at + 4, true)) {
    const left = bytes.length - at
    if (left < 44) return false
    const field = (index: number): number => view.getUint32(at + index * 4, true)
    const length = field(1)
    if (field(0) !== RNDIS.packet || length < 44 || length > left) return false
    const [dataAt, data, infosAt, infos] = [field(2), field(3), field(7), field(8)]
    if (dataAt + data > length - 8) return false
    if (infos === 0) continue
    if (infosAt < 36 || infosAt + infos > length - 8) return false
    for (let info = at + 8 + infosAt, end = info + infos; info < end; info += view.getUint32(info, true)) {
      if (end - info < 12) return false
      const [size, type, value] = [0, 4, 8].map((offset) => view.getUint32(info + offset, true)) as [
        number,
        number,
        number,
      ]
      if (size < 12 || size > end - info || value < 12 || value > size) return false
      if (type === LARGE_SEND) return undefined
    }
  }
  return true
}

/** What a guest may send that no driver would; the host answers each once. */
export function attack(model: Model, action: Extract<Action, { kind: 'raw-data' | 'raw-query' | 'rescale' }>): void {
  const { world } = model
  if (world.guest.devices[0]?.driver === undefined || world.driver.phase !== 'ready') return
  const id = ++model.next
  if (action.kind === 'raw-data') {
    const packets = Array.from({ length: action.count }, () => {
      const number = ++model.next
      const bytes = plainFrame(toPeer.to, toPeer.from, 100, number)
      model.out.send({ number, vlan: undefined, queue: -1, payload: 0, bytes, wanted: false })
      return packet(bytes)
    })
    const bytes = joined(...packets)
    const last = bytes.length - (packets.at(-1)?.length ?? 0)
    change(new DataView(bytes.buffer), last + action.damage.word * 4, action.damage)
    // The damaged packet, and what an honest length would have hidden.
    model.strange += 2
    const whole = isWhole(bytes)
    if (whole !== undefined) model.answers.set(id, whole)
    return send(world, CHANNEL.data, bytes, id)
  }
  if (action.kind === 'raw-query') {
    const given = new Uint8Array(24)
    const body = words(id, action.oid, (given.length + action.length) >>> 0, (20 + action.offset) >>> 0, 0)
    return send(world, CHANNEL.control, joined(words(RNDIS.query, 28 + given.length), body, given), id)
  }
  // Header 0x89, revision 2, 40 bytes; the flags say that table and key are unchanged.
  const parameters = joined(Uint8Array.of(0x89, 2, 40, 0, 4 | 8, 0, 0, 0), words(action.types), new Uint8Array(28))
  send(world, CHANNEL.control, joined(words(RNDIS.set, 68, id, RSS_PARAMETERS, 40, 20, 0), parameters), id)
}

/** Damages one of the first words of the message that the host gave last, in the receive buffer. */
export function garble(world: World, damage: Damage): void {
  const given = world.trace.findLast(
    (event) => event.kind === 'packet' && event.to === 'guest' && event.bytes[0] === TRANSFER_PAGES,
  )
  const driver = world.guest.devices[0]?.driver
  const receive = (driver?.save() as { receive: { pfns: number[] } | null } | undefined)?.receive
  if (given?.kind !== 'packet' || !receive) return
  // Descriptor, then set id and range count; the first range's length and offset.
  const view = new DataView(given.bytes.buffer)
  const [length, offset] = [view.getUint32(24, true), view.getUint32(28, true)]
  const at = offset + (damage.word % Math.ceil(length / 4)) * 4
  const pfn = receive.pfns[Math.floor(at / PAGE)]
  if (pfn === undefined || (at % PAGE) + 4 > PAGE) return
  const { bytes } = world.memory
  change(new DataView(bytes.buffer, bytes.byteOffset + pfn * PAGE, PAGE), at % PAGE, damage)
}

/** The host says nothing for a minute, in which the guest does something: a driver that waits for an answer gives up. */
export function silence(world: World, meanwhile: () => void): void {
  world.host.pause()
  meanwhile()
  pass(world)
  const waits = world.guest.devices[0]?.driver !== undefined && world.driver.phase === 'setup'
  world.host.resume()
  if (waits) throw new Error('the driver waits for ever')
  world.settle()
}

/** A minute, in which every wait of a driver ends. */
export function pass(world: World): void {
  const until = world.now + LONG
  for (let count = 0; count < 10_000 && world.now < until && world.step(); count++);
}
