import type { Frame } from '@vmbus/switch'
import { GUEST_MAC, PEER_MAC } from '../world.ts'
import type { Action, Destination, Form } from './actions.ts'
import { BROADCAST, GROUP, STRANGER, plainFrame, tcpFrame, toPeer } from './frames.ts'
import type { Model } from './state.ts'

const TAGS = { id: 7, priority: 5, dei: true }

/** A frame of the form, and what the network is left to do. Up to 8 KiB in segments of 500 bytes or more. */
function make(
  model: Model,
  form: Form,
  length: number,
  flow: number,
  { to, from }: { to: string; from: string },
): { frame: Frame; payload: number } {
  const number = model.next++
  if (form === 'plain' || form === 'tagged') {
    const bytes = plainFrame(to, from, length, number)
    const vlan = form === 'tagged' && model.tagged ? { vlan: TAGS } : {}
    return { frame: { bytes, ...vlan }, payload: 0 }
  }
  const payload = form === 'large' ? length * 5 : Math.min(length, 1400)
  const bytes = tcpFrame(to, from, payload, flow, number, form !== 'segment')
  const offload =
    form === 'large'
      ? { segment: 500 + (length % 900) }
      : form === 'checksum'
        ? { ipv4Checksum: true, transportChecksum: true }
        : undefined
  return { frame: { bytes, ...(offload && { offload }) }, payload }
}

export function guestSends(model: Model, form: Form, length: number, flow: number, more: boolean, queue: number): void {
  const { world } = model
  if (world.guest.devices[0]?.driver === undefined) return
  const { driver } = world
  const number = model.next
  const { frame, payload } = make(model, form, length, flow, toPeer)
  const chosen = queue < driver.queues ? { queue } : {}
  if (!driver.send(frame, { more, ...chosen })) return
  model.more ||= more
  const bytes = payload === 0 ? frame.bytes : undefined
  model.out.send({ number, vlan: frame.vlan, queue: chosen.queue ?? -1, payload, bytes, wanted: true })
}

export function guestBursts(model: Model, { count, queue, fills }: Extract<Action, { kind: 'guest-bursts' }>): void {
  const { world } = model
  if (world.guest.devices[0]?.driver === undefined) return
  const underWay = (): number => Number(world.driver.inspect()['underWay'])
  for (let sent = 0; sent < (fills ? 1000 : count); sent++) {
    const before = underWay()
    guestSends(model, 'plain', 64, 0, false, queue)
    if (fills && underWay() === before) return
  }
}

const ADDRESS: Readonly<Record<Destination, string>> = {
  guest: GUEST_MAC,
  stranger: STRANGER,
  broadcast: BROADCAST,
  group: GROUP,
}
/** OID_GEN_CURRENT_PACKET_FILTER: directed 1, all multicast 4, broadcast 8, promiscuous 0x20. */
export const LETS_IN: Readonly<Record<Destination, number>> = {
  guest: 0x21,
  stranger: 0x20,
  broadcast: 0x28,
  group: 0x24,
}

export function peerSends(model: Model, form: Form, length: number, flow: number, destination: Destination): void {
  const { world } = model
  const number = model.next
  const { frame, payload } = make(model, form, length, flow, { to: ADDRESS[destination], from: PEER_MAC })
  const wanted = (model.filter & LETS_IN[destination]) !== 0
  const bytes = payload === 0 ? frame.bytes : undefined
  model.in.send({ number, vlan: frame.vlan, queue: -1, payload, bytes, wanted })
  const before = world.nic.statistics()
  world.peer.send(frame)
  const awake = world.guest.devices[0]?.driver !== undefined && world.driver.up && world.nic.up
  if (form === 'large' || !awake || !world.nic.linkUp || world.nic.dataPath === 'vf') return
  const after = world.nic.statistics()
  const [filtered, taken] = [
    after.filtered - before.filtered,
    after.framesReceived + after.noBuffer - before.framesReceived - before.noBuffer,
  ]
  if (filtered !== (wanted ? 0 : 1) || taken !== (wanted ? 1 : 0))
    throw new Error(`frame ${number} to ${destination}: ${taken} taken and ${filtered} filtered by ${model.filter}`)
}
