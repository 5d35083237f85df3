import { channelsOf, type GuestContext } from './context.ts'

export function inspect(ctx: GuestContext): Record<string, unknown> {
  const { state } = ctx
  return {
    phase: state.phase,
    version: state.version,
    features: state.features,
    connection: state.connection,
    outgoing: state.outgoing.length,
    devices: [...state.devices.values()].map(({ key, kind, instanceId, interfaceId }) => ({
      kind,
      interfaceId,
      instanceId,
      channels: channelsOf(ctx, key).map(({ key: channel, offer, phase, targetVp, stale }) => ({
        relid: offer.relid,
        subchannelIndex: offer.subchannelIndex,
        phase,
        targetVp,
        stale,
        ring: ctx.ends.get(channel)?.inspect(),
      })),
      ...ctx.drivers.get(key)?.inspect(),
    })),
    gpadls: [...state.gpadls.values()].map(({ id, phase, purpose, ranges }) => ({
      id,
      phase,
      purpose,
      pages: ranges.reduce((sum, range) => sum + range.pfns.length, 0),
    })),
  }
}
