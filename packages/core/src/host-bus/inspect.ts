import type { HostContext } from './context.ts'
import { waiting } from './outbox.ts'

/** What an owner is shown of the bus: no state to restore. */
export function inspect(ctx: HostContext): Record<string, unknown> {
  const { state } = ctx
  return {
    version: state.connection?.version ?? 0,
    features: state.connection?.features ?? 0,
    paused: state.paused,
    connection: state.connection === null ? null : { ...state.connection },
    channels: [...state.channels.values()].map(
      ({ key, device, interfaceId, instanceId, subchannelIndex, relid, phase, monitorId, connectionId, request }) => ({
        device: ctx.devices.get(device)?.record.kind ?? 'gone',
        interfaceId,
        instanceId,
        subchannelIndex,
        relid,
        phase,
        monitorId,
        connectionId,
        targetVp: request?.targetVp,
        ring: ctx.ends.get(key)?.ring.inspect(),
      }),
    ),
    gpadls: [...state.gpadls.values()].map(({ relid, id, phase, rangeCount, rangeBytes }) => ({
      relid,
      id,
      phase,
      rangeCount,
      pages: rangeBytes / 8 - rangeCount,
    })),
    gpadlPages: state.gpadlPages,
    outgoing: waiting(ctx),
    incoming: state.incoming.length,
    devices: [...ctx.devices.values()].map((live) => ({
      kind: live.record.kind,
      instanceId: live.record.instanceId,
      ...live.device.inspect(),
    })),
  }
}
