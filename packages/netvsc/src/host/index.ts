import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { formatMac, type VlanOptions } from '@vmbus/switch'
import { checkOptions, restoreState } from '@vmbus/world'
import { NVSP_VERSIONS } from '../protocol/nvsp.ts'
import { Indication } from '../protocol/rndis.ts'
import { createContext } from './context.ts'
import { close, gpadlGone, open, readable, rescinded, writable } from './lifecycle.ts'
import { linkSpeed, vfSerial, type NetvscHostOptions, type NetvscSettings } from './options.ts'
import { speedBytes } from './query.ts'
import { remove } from './removal.ts'
import { indicate } from './rndis.ts'
import { inspect, restore, save } from './saved.ts'
import { dataPathOf, isLinkUp, isUp, openChannels } from './state.ts'
import type { NetvscStatistics } from './types.ts'
import { associateVf, withdrawVf } from './vf.ts'

/** A network adapter as the host sees it. */
export interface NetvscHost extends HostDevice {
  /** NVSP word in force, 0 while there is none. */
  readonly version: number
  readonly linkUp: boolean
  /** The guest has set a packet filter: its interface is up. */
  readonly up: boolean
  /** The address that the guest uses now. */
  readonly mac: string
  readonly dataPath: 'synthetic' | 'vf'
  /** Channels that are open. */
  readonly queues: number
  /** The cable is plugged in: the guest is told. */
  connectLink(): void
  /** The cable is pulled: the guest is told. */
  disconnectLink(): void
  /** Bits per second, as a change that the guest hears of. */
  setSpeed(bitsPerSecond: number): void
  setVlan(vlan: VlanOptions): void
  /** Takes the adapter away as a host does while it is in use: the cable, then what is under way, then the device. */
  remove(): void
  /** A VF with this vPCI serial is there for the guest: it may move its traffic to it. */
  associateVf(serial: number): void
  /** The VF goes: the guest is told, and its traffic is on the synthetic path at once. */
  dissociateVf(): void
  statistics(): NetvscStatistics
}

/** The host end of a synthetic network adapter (VSP) over a port of a switch. Throws OptionsError. */
export function netvscHost(
  options: NetvscHostOptions,
  deps: HostDeviceDeps,
  settings: NetvscSettings = { versions: NVSP_VERSIONS },
): NetvscHost {
  const ctx = createContext(options, deps, settings)
  return {
    get version() {
      return ctx.connection.version
    },
    get linkUp() {
      return isLinkUp(ctx)
    },
    get up() {
      return isUp(ctx)
    },
    get mac() {
      return formatMac(ctx.connection.mac)
    },
    get dataPath() {
      return dataPathOf(ctx)
    },
    get queues() {
      return openChannels(ctx)
    },
    connectLink: () => ctx.port.setLink(true),
    disconnectLink: () => ctx.port.setLink(false),
    setSpeed(bitsPerSecond) {
      ctx.speed = checkOptions('netvsc.setSpeed', linkSpeed, bitsPerSecond)
      indicate(ctx, Indication.linkSpeedChange, speedBytes(bitsPerSecond))
    },
    setVlan: (vlan) => ctx.port.configure({ vlan }),
    remove: () => remove(ctx),
    associateVf: (serial) => associateVf(ctx, checkOptions('netvsc.associateVf', vfSerial, serial)),
    dissociateVf: () => withdrawVf(ctx),
    statistics: () => ({ ...ctx.statistics }),
    open: (channel) => open(ctx, channel),
    readable: (channel) => readable(ctx, channel),
    writable: (channel) => writable(ctx, channel),
    close: (channel) => close(ctx, channel),
    gpadlGone: (_channel, gpadl) => gpadlGone(ctx, gpadl),
    timer(name) {
      if (name === 'remove' && !ctx.rescinded) deps.rescind()
    },
    rescinded: () => rescinded(ctx),
    save: () => save(ctx),
    checkState: (saved) => void restoreState(saved, ctx.form),
    restore: (saved, channels) => restore(ctx, saved, channels),
    inspect: () => inspect(ctx),
  }
}
