import type { GuestOffloads } from '../guest/types.ts'
import type { Context } from './context.ts'
import { FEATURES, type Feature, type Features, type InterfaceSystem } from './interface.ts'

/** Whether the host, or the driver, does something for the adapter. */
const CAN: Readonly<Record<Feature, (offloads: GuestOffloads, system: InterfaceSystem) => boolean>> = {
  'rx-checksumming': ({ tcpV4, tcpV6 }) => tcpV4 || tcpV6,
  'tx-checksum-ipv4': ({ tcpV4 }) => tcpV4,
  'tx-checksum-ipv6': ({ tcpV6 }) => tcpV6,
  'tx-tcp-segmentation': ({ lsoV4 }) => lsoV4 > 0,
  'tx-tcp6-segmentation': ({ lsoV6 }) => lsoV6 > 0,
  'large-receive-offload': ({ rsc }) => rsc,
  'tx-vlan-offload': (_offloads, { tagsBeside }) => tagsBeside,
  'rx-vlan-offload': (_offloads, { tagsBeside }) => tagsBeside,
}

type Adapter = Pick<Context, 'nic' | 'state' | 'system'>

/** Segmentation needs the checksum of its family (Linux net/core/dev.c, netdev_fix_features). */
const NEEDS: Readonly<Partial<Record<Feature, Feature>>> = {
  'tx-tcp-segmentation': 'tx-checksum-ipv4',
  'tx-tcp6-segmentation': 'tx-checksum-ipv6',
}

export function isOn(
  { nic, state, system }: Adapter,
  feature: Feature,
  offloads: GuestOffloads = nic.offloads,
): boolean {
  const needed = NEEDS[feature]
  const has = (each: Feature): boolean => CAN[each](offloads, system) && !state.off.includes(each)
  return has(feature) && (needed === undefined || has(needed))
}

export function featuresOf(ctx: Adapter): Features {
  const on = FEATURES.map((feature) => [feature, isOn(ctx, feature)] as const)
  return Object.fromEntries(on) as Record<Feature, boolean>
}

/** `ethtool -K`. Coalescing is the host's to turn on and off, the rest is between driver and stack. */
export function setFeature(ctx: Context, feature: Feature, on: boolean): void {
  const { system, state, nic } = ctx
  const isFixed = !FEATURES.includes(feature) || feature === 'tx-vlan-offload' || feature === 'rx-vlan-offload'
  if (isFixed || (on && !CAN[feature](nic.offloads, system)))
    throw system.refuse(`${state.name} cannot change ${feature}`)
  state.off = state.off.filter((each) => each !== feature)
  if (!on) state.off.push(feature)
  if (feature === 'large-receive-offload') nic.setCoalescing(on)
}

/** What is left to the host of a frame that is sent now. */
export function offloadsInUse(ctx: Adapter): GuestOffloads {
  const { offloads } = ctx.nic
  const on = (feature: Feature): boolean => isOn(ctx, feature, offloads)
  const [v4, v6] = [on('tx-checksum-ipv4'), on('tx-checksum-ipv6')]
  return {
    ...offloads,
    tcpV4: v4,
    udpV4: v4 && offloads.udpV4,
    tcpV6: v6,
    udpV6: v6 && offloads.udpV6,
    lsoV4: on('tx-tcp-segmentation') ? offloads.lsoV4 : 0,
    lsoV6: on('tx-tcp6-segmentation') ? offloads.lsoV6 : 0,
  }
}
