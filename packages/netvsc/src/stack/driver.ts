import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { plainCopy, restoreState, scopedTimers, type StateHead } from '@vmbus/world'
import { netvscGuest, type NetvscGuest, type NetvscGuestOptions } from '../guest/index.ts'
import { interfaceForm, noAdapterState, type Context, type SavedInterface, type SavedVlan } from './context.ts'
import type { Feature, InterfaceSystem, LiveInterface } from './interface.ts'
import { UNCONFIGURED } from './ip-config.ts'
import { adapterControl, liveAdapter } from './live.ts'
import { deliver } from './receive.ts'
import { createStation } from './station.ts'
import { drain, transmit } from './transmit.ts'
import { joinVf } from './vf.ts'
import { VLAN_SCOPE, restoreVlan, vlansGone, vlansResized } from './vlan.ts'

const NIC = 'nic'
const STACK = 'stack'

/** A network driver and what of an operating system stands on it. */
export interface NetworkDriver extends GuestDriver {
  /** '' while the driver sets the adapter up. */
  readonly interfaceName: string
  readonly nic: NetvscGuest
}

/** The driver of an adapter, with an interface over it that has a name, addresses, VLANs and what answers for them. */
export function networkDriver(
  options: NetvscGuestOptions,
  system: InterfaceSystem,
  deps: GuestDriverDeps,
): NetworkDriver {
  const { ctx, live, control } = createInterface(options, system, deps)
  const { nic, station, vlans } = ctx
  const form = interfaceForm(system)
  return {
    nic,
    get interfaceName() {
      return ctx.state.name
    },
    offered(channel) {
      if (channel.offer.subchannelIndex === 0) ctx.state.instanceId = channel.offer.instanceId
      nic.offered(channel)
    },
    opened: (channel, status) => nic.opened(channel, status),
    readable(channel) {
      nic.readable(channel)
      deliver(ctx)
    },
    writable(channel) {
      nic.writable?.(channel)
      deliver(ctx)
    },
    gpadlCreated: (channel, gpadl, status) => nic.gpadlCreated?.(channel, gpadl, status),
    gpadlTorndown: (channel, gpadl) => nic.gpadlTorndown?.(channel, gpadl),
    closed: (channel) => nic.closed?.(channel),
    modified: (channel, status) => nic.modified?.(channel, status),
    rescinded(channel) {
      nic.rescinded(channel)
      if (channel.offer.subchannelIndex === 0) gone(ctx)
    },
    timer(name) {
      const [scope = '', ...rest] = name.split('/')
      if (scope === NIC) nic.timer?.(rest.join('/'))
      else if (scope === STACK) station.timer(rest.join('/'))
      else if (scope === VLAN_SCOPE) vlans.get(Number(rest[0]))?.station.timer(rest.slice(1).join('/'))
    },
    save: (): SavedInterface & StateHead => ({
      ...form.head,
      ...plainCopy(ctx.state),
      station: station.save(),
      vlans: Array.from(vlans.values(), ({ id, name, isUp, mtu, station: own }): SavedVlan => ({
        id,
        name,
        isUp,
        mtu,
        station: own.save(),
      })),
      nic: nic.save(),
    }),
    checkState: (saved) => nic.checkState?.(restoreState(saved, form).nic),
    restore(saved, channels) {
      const {
        kind: _kind,
        v: _v,
        nic: savedNic,
        station: savedStation,
        vlans: savedVlans,
        ...own
      } = restoreState(saved, form)
      ctx.state = own
      nic.restore(savedNic, channels)
      if (own.name !== '') system.table.register(live, own.name)
      station.load(savedStation)
      vlansGone(ctx)
      for (const each of savedVlans) restoreVlan(ctx, control, each)
    },
    inspect: () => ({
      name: ctx.state.name,
      ...station.config,
      isUp: ctx.state.isUp,
      vlans: [...vlans.keys()],
      nic: nic.inspect(),
    }),
  }
}

function createInterface(options: NetvscGuestOptions, system: InterfaceSystem, deps: GuestDriverDeps) {
  const nic = netvscGuest(
    {
      ...options,
      filter: 0,
      onFrame({ bytes, vlan }, { checksum }) {
        if (ctx.state.name !== '') ctx.polled.push({ bytes: bytes.slice(), vlan, checksum })
      },
      onWritable: () => drain(ctx),
    },
    {
      ...deps,
      timers: scopedTimers(deps.timers, NIC),
      event(name, detail) {
        if (name === 'ready') ready(ctx, live)
        deps.event(name, detail)
        if (name === 'vf') joinVf(ctx)
        if (name === 'failed' || (name === 'stopped' && !ctx.state.isChanging)) gone(ctx)
      },
    },
  )
  const offAtFirst: readonly Feature[] = options.coalesces === false ? ['large-receive-offload'] : []
  const ctx: Context = {
    system,
    deps,
    nic,
    offAtFirst,
    station: createStation({
      deps,
      scope: STACK,
      echoMayFragment: system.echoMayFragment,
      mac: () => nic.mac,
      mtu: () => nic.mtu,
      send: ({ bytes }) => void transmit(ctx, bytes, nic.mtu, undefined),
      echoed: (address, sequence) => deps.event('echo', { [system.label]: ctx.state.name, address, sequence }),
    }),
    vlans: new Map(),
    polled: [],
    state: noAdapterState('', system.startsUp, [...offAtFirst]),
    vf: undefined,
  }
  const control = adapterControl(ctx)
  const live = liveAdapter(ctx, control)
  return { ctx, live, control }
}

/** The adapter is set up, for the first time or after a change of its packets or channels. */
function ready(ctx: Context, live: LiveInterface): void {
  const { state, station, system, nic, deps } = ctx
  state.isChanging = false
  station.renew()
  vlansResized(ctx)
  if (state.isUp) {
    station.start()
    nic.setFilter(system.filter)
  }
  joinVf(ctx)
  if (state.name !== '') return
  state.name = system.table.register(live)
  deps.event(system.label, state.name)
}

function gone(ctx: Context): void {
  const { state, system, station } = ctx
  if (state.name === '') return
  vlansGone(ctx)
  system.table.remove(state.name)
  ctx.state = noAdapterState(state.instanceId, system.startsUp, [...ctx.offAtFirst])
  station.load({ config: UNCONFIGURED, sequence: 1, answered: [], peer: null })
}
