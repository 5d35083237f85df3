import type { GuestOffloads } from '../guest/state.ts'
import type { Context } from './context.ts'
import type { Feature, Features } from './interface.ts'

/** What the host does for the adapter, as features. */
function capable({ nic, system }: Pick<Context, 'nic' | 'system'>): Features {
  const { tcpV4, tcpV6, lsoV4, lsoV6, rsc } = nic.offloads
  return {
    'rx-checksumming': tcpV4 || tcpV6,
    'tx-checksum-ipv4': tcpV4,
    'tx-checksum-ipv6': tcpV6,
    'tx-tcp-segmentation': lsoV4 > 0,
    'tx-tcp6-segmentation': lsoV6 > 0,
    'large-receive-offload': rsc,
    'tx-vlan-offload': system.tagsBeside,
    'rx-vlan-offload': system.tagsBeside,
  }
}

/** Segmentation needs the checksum of its family (Linux net/core/dev.c, netdev_fix_features). */
const NEEDS: Readonly<Partial<Record<Feature, Feature>>> = {
  'tx-tcp-segmentation': 'tx-checksum-ipv4',
  'tx-tcp6-segmentation': 'tx-checksum-ipv6',
}

export const isOn = (ctx: Pick<Context, 'nic' | 'state' | 'system'>, feature: Feature): boolean => {
  const needed = NEEDS[feature]
  return capable(ctx)[feature] && !ctx.state.off.includes(feature) && (needed === undefined || isOn(ctx, needed))
}

export function featuresOf(ctx: Context): Features {
  const can = capable(ctx)
  const on = Object.keys(can).map((name) => [name, isOn(ctx, name as Feature)])
  return { ...can, ...(Object.fromEntries(on) as Record<Feature, boolean>) }
}

/** `ethtool -K`. Coalescing is the host's to turn on and off, the rest is between driver and stack. */
export function setFeature(ctx: Context, feature: Feature, on: boolean): void {
  const { system, state, nic } = ctx
  const isFixed = feature === 'tx-vlan-offload' || feature === 'rx-vlan-offload'
  if (isFixed || (on && !capable(ctx)[feature])) throw system.refuse(`${state.name} cannot change ${feature}`)
  state.off = state.off.filter((each) => each !== feature)
  if (!on) state.off.push(feature)
  if (feature === 'large-receive-offload') nic.setCoalescing(on)
}

/** What is left to the host of a frame that is sent now. */
export function offloadsInUse(ctx: Context): GuestOffloads {
  const { offloads } = ctx.nic
  const v4 = isOn(ctx, 'tx-checksum-ipv4')
  const v6 = isOn(ctx, 'tx-checksum-ipv6')
  return {
    ...offloads,
    tcpV4: v4,
    udpV4: v4 && offloads.udpV4,
    tcpV6: v6,
    udpV6: v6 && offloads.udpV6,
    lsoV4: isOn(ctx, 'tx-tcp-segmentation') ? offloads.lsoV4 : 0,
    lsoV6: isOn(ctx, 'tx-tcp6-segmentation') ? offloads.lsoV6 : 0,
  }
}
