import { CoreError } from '../errors.ts'
import type { HostDeviceSpec } from '../types.ts'
import { MAX_RELID, NO_MONITOR } from '../versions.ts'
import { connectionIdOf } from './offers.ts'
import type { ChannelState } from './state.ts'
import type { OfferOptions } from './types.ts'

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The primary channel of a device that is about to be offered. Throws VMBUS_OFFER_INVALID. */
export function newChannel(key: number, spec: HostDeviceSpec<never>, extra: OfferOptions): ChannelState {
  const { interfaceId, instanceId, flags, mmioMegabytes, userDefined, monitorLatency } = spec.offer
  for (const [field, value] of Object.entries({ interfaceId, instanceId })) {
    if (!GUID.test(value.toLowerCase())) throw new CoreError('VMBUS_OFFER_INVALID', { field, value, allowed: 'a GUID' })
  }
  if (userDefined !== undefined && userDefined.length > 120) {
    throw new CoreError('VMBUS_OFFER_INVALID', {
      field: 'userDefined',
      value: userDefined.length,
      allowed: 'at most 120 bytes',
    })
  }
  const { reservedRelid } = extra
  if (
    reservedRelid !== undefined &&
    !(Number.isInteger(reservedRelid) && reservedRelid >= 1 && reservedRelid <= MAX_RELID)
  ) {
    throw new CoreError('VMBUS_OFFER_INVALID', {
      field: 'reservedRelid',
      value: reservedRelid,
      allowed: `1 to ${MAX_RELID}`,
    })
  }
  const data = new Uint8Array(120)
  if (userDefined !== undefined) data.set(userDefined)
  return {
    key,
    device: key,
    interfaceId: interfaceId.toLowerCase(),
    instanceId: instanceId.toLowerCase(),
    flags: flags ?? 0,
    mmioMegabytes: mmioMegabytes ?? 0,
    userDefined: data,
    subchannelIndex: 0,
    monitorLatency: monitorLatency ?? 0,
    reserved: reservedRelid !== undefined,
    phase: reservedRelid === undefined ? 'unoffered' : 'offered',
    relid: reservedRelid ?? 0,
    monitorId: NO_MONITOR,
    connectionId: reservedRelid === undefined ? 0 : connectionIdOf(reservedRelid),
    request: null,
  }
}
