import type { Context } from './context.ts'
import { featuresOf, setFeature } from './features.ts'
import type { AdapterControl, LiveInterface } from './interface.ts'
import { channelsOf, setChannels, setMtu, setRss } from './queues.ts'
import { transmit } from './transmit.ts'
import { attachVf, joinVf, vfState } from './vf.ts'
import { addVlan, vlansUp } from './vlan.ts'

export function adapterControl(ctx: Context): AdapterControl {
  const { nic } = ctx
  const control: AdapterControl = {
    get nvsp() {
      return nic.version
    },
    get features() {
      return featuresOf(ctx)
    },
    setFeature: (feature, on) => setFeature(ctx, feature, on),
    get joins() {
      return ctx.system.joinsUpTo !== undefined && ctx.state.joins
    },
    setJoins(on) {
      const { system, state } = ctx
      if (system.joinsUpTo === undefined) throw system.refuse(`${state.name} joins no segments`)
      state.joins = on
    },
    get channels() {
      return channelsOf(ctx)
    },
    setChannels: (count) => setChannels(ctx, count),
    get queues() {
      return nic.queueStatistics()
    },
    get rss() {
      const { rss } = nic
      return rss === null ? undefined : { key: rss.key, table: rss.table }
    },
    setRss: (change) => setRss(ctx, change),
    addVlan: (id) => addVlan(ctx, control, id),
    get vf() {
      return vfState(ctx)
    },
    attachVf: (vf) => attachVf(ctx, vf),
  }
  return control
}

/** An adapter's own interface. */
export function liveAdapter(ctx: Context, adapter: AdapterControl): LiveInterface {
  const { nic, system, station } = ctx
  return {
    adapter,
    get name() {
      return ctx.state.name
    },
    get instanceId() {
      return ctx.state.instanceId
    },
    get mac() {
      return nic.mac
    },
    get mtu() {
      return nic.mtu
    },
    get isUp() {
      return ctx.state.isUp
    },
    get carrier() {
      return nic.linkUp
    },
    get config() {
      return station.config
    },
    get linkLocal() {
      return ctx.state.isUp && nic.linkUp ? station.linkLocal : undefined
    },
    vlan: undefined,
    up() {
      ctx.state.isUp = true
      station.start()
      vlansUp(ctx, true)
      nic.setFilter(system.filter)
      joinVf(ctx)
    },
    down() {
      ctx.state.isUp = false
      ctx.state.waiting.length = 0
      vlansUp(ctx, false)
      nic.setFilter(0)
    },
    setMtu: (mtu) => setMtu(ctx, mtu),
    configure: (config) => station.configure(config),
    send: (bytes, request) => transmit(ctx, bytes, nic.mtu, undefined, request),
    ping(address, bytes) {
      const sequence = station.ping(address, bytes)
      if (sequence === undefined) throw system.refuse(`${ctx.state.name} has no address`)
      return sequence
    },
    isAnswered: (sequence) => station.isAnswered(sequence),
    remove: () => nic.stop(),
  }
}
