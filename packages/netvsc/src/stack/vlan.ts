import { LARGEST_VLAN } from '@vmbus/switch'
import type { Context, SavedVlan, Vlan } from './context.ts'
import type { AdapterControl, LiveInterface } from './interface.ts'
import { createStation, type Station } from './station.ts'
import { transmit } from './transmit.ts'

export const VLAN_SCOPE = 'vlan'
/** IPv4 can run over 68 bytes (RFC 791). */
const LEAST_MTU = 68

/** `ip link add link NAME name NAME.ID type vlan id ID`. */
export function addVlan(ctx: Context, adapter: AdapterControl, id: number): LiveInterface {
  const { system, state, nic, vlans } = ctx
  const name = `${state.name}.${id}`
  if (!system.vlans) throw system.refuse(`${state.name} has no VLANs`)
  if (!Number.isInteger(id) || id < 0 || id > LARGEST_VLAN) throw system.refuse(`there is no VLAN ${id}`)
  if (vlans.has(id) || system.table.find(name) !== undefined) throw system.refuse(`there is an interface ${name}`)
  return makeVlan(ctx, adapter, { id, name, isUp: false, mtu: nic.mtu }).live
}

export function restoreVlan(ctx: Context, adapter: AdapterControl, saved: SavedVlan): void {
  makeVlan(ctx, adapter, saved).station.load(saved.station)
}

function makeVlan(
  ctx: Context,
  adapter: AdapterControl,
  { id, name, isUp, mtu }: Pick<SavedVlan, 'id' | 'name' | 'isUp' | 'mtu'>,
): Vlan {
  const { system, deps, nic, vlans } = ctx
  const send: LiveInterface['send'] = (bytes, request) =>
    vlan.isUp && transmit(ctx, bytes, vlan.mtu, { id, priority: 0, dei: false }, request)
  const station = createStation({
    deps,
    scope: `${VLAN_SCOPE}/${id}`,
    echoMayFragment: system.echoMayFragment,
    mac: () => nic.mac,
    mtu: () => vlan.mtu,
    send: ({ bytes }) => void send(bytes),
    echoed: (address, sequence) => deps.event('echo', { [system.label]: name, address, sequence }),
  })
  const vlan: Vlan = { id, name, station, isUp, mtu, live: liveVlan(ctx, adapter, station, () => vlan, send) }
  vlans.set(id, vlan)
  system.table.register(vlan.live, name)
  return vlan
}

function liveVlan(
  ctx: Context,
  adapter: AdapterControl,
  station: Station,
  vlan: () => Vlan,
  send: LiveInterface['send'],
): LiveInterface {
  const { nic, system } = ctx
  return {
    adapter,
    send,
    get name() {
      return vlan().name
    },
    instanceId: undefined,
    get mac() {
      return nic.mac
    },
    get mtu() {
      return vlan().mtu
    },
    get isUp() {
      return vlan().isUp
    },
    get carrier() {
      return nic.linkUp
    },
    get config() {
      return station.config
    },
    get linkLocal() {
      return vlan().isUp && nic.linkUp ? station.linkLocal : undefined
    },
    get vlan() {
      return vlan().id
    },
    up() {
      // Linux net/8021q/vlan_dev.c, vlan_dev_open: ENETDOWN.
      if (!ctx.state.isUp) throw system.refuse(`${ctx.state.name} is down`)
      vlan().isUp = true
      station.start()
    },
    down: () => void (vlan().isUp = false),
    setMtu(mtu) {
      if (!Number.isInteger(mtu) || mtu < LEAST_MTU || mtu > nic.mtu)
        throw system.refuse(`${vlan().name} takes an MTU of ${LEAST_MTU} … ${nic.mtu}`)
      vlan().mtu = mtu
      station.renew()
    },
    configure: (config) => station.configure(config),
    ping(address, bytes) {
      const sequence = station.ping(address, bytes)
      if (sequence === undefined) throw system.refuse(`${vlan().name} has no address`)
      return sequence
    },
    isAnswered: (sequence) => station.isAnswered(sequence),
    remove() {
      ctx.vlans.delete(vlan().id)
      system.table.remove(vlan().name)
    },
  }
}

/** What the adapter's interface does, its VLANs do (Linux net/8021q/vlan.c, vlan_device_event). */
export function vlansUp({ vlans }: Context, isUp: boolean): void {
  for (const vlan of vlans.values()) {
    vlan.isUp = isUp
    if (isUp) vlan.station.start()
  }
}

export function vlansResized({ vlans, nic }: Context): void {
  for (const vlan of vlans.values()) {
    vlan.mtu = Math.min(vlan.mtu, nic.mtu)
    vlan.station.renew()
  }
}

export function vlansGone(ctx: Context): void {
  for (const { live } of [...ctx.vlans.values()]) live.remove()
}
