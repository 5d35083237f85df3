import type { HostDeviceDeps } from '@vmbus/core'
import { parseMac, type Adapter } from '@vmbus/switch'
import { checkOptions } from '@vmbus/world'
import { Indication } from '../protocol/rndis.ts'
import { endBatch } from './batch.ts'
import { createFrameHeader, deliver } from './deliver.ts'
import {
  DEFAULT_MAC,
  DEFAULT_MTU,
  DEFAULT_QUEUES,
  DEFAULT_SPEED,
  hostOptions,
  hostSettings,
  instanceOf,
  nameTaken,
  type NetvscHostOptions,
  type NetvscSettings,
} from './options.ts'
import { createMessageBuffer } from './queue.ts'
import { indicate } from './rndis.ts'
import { hostForm } from './saved.ts'
import { noConnection, noStatistics } from './state.ts'
import { createTransmitBuffer } from './transmit.ts'
import type { HostContext } from './types.ts'

/** Plugs an adapter into its switch. */
export function createContext(options: NetvscHostOptions, deps: HostDeviceDeps, settings: NetvscSettings): HostContext {
  checkOptions('netvsc', hostOptions, options)
  checkOptions('netvsc settings', hostSettings, settings)
  const { mac = DEFAULT_MAC, mtu = DEFAULT_MTU, macSpoofing: spoofing = false } = options
  const form = hostForm(settings.versions)
  const adapter = createAdapter(options, deps, () => ctx)
  const slot = options.switch.attach(adapter) ?? nameTaken(options)
  const permanentMac = parseMac(mac)
  const ctx: HostContext = {
    deps,
    form,
    adapter,
    slot,
    port: slot.port,
    versions: settings.versions,
    permanentMac,
    mtu,
    spoofing,
    queueLimit: options.queues ?? DEFAULT_QUEUES,
    vfReceive: options.vfReceive,
    connection: noConnection(permanentMac),
    statistics: noStatistics(),
    vfSerial: 0,
    speed: options.speed ?? DEFAULT_SPEED,
    channels: [],
    sections: undefined,
    receiveGrant: undefined,
    sendGrant: undefined,
    messageBuffer: createMessageBuffer(),
    transmitBuffer: createTransmitBuffer(),
    frameHeader: createFrameHeader(),
    batching: 0,
    removeAt: Infinity,
    rescinded: false,
  }
  return ctx
}

/** What the switch sees of the adapter. It is made before its context, which has the port that it is attached to. */
function createAdapter(options: NetvscHostOptions, deps: HostDeviceDeps, context: () => HostContext): Adapter {
  const { mac = DEFAULT_MAC, vlan, mtu = DEFAULT_MTU, macSpoofing: spoofing = false } = options
  const end = (): void => endBatch(context())
  return {
    name: options.name ?? `nic-${mac}`,
    mac,
    config: { vlan, mtu, spoofing },
    accepts: { vlan: true, segment: true },
    machine: deps.memory,
    instanceId: instanceOf(options),
    origin: options,
    isOpen: () => context().channels[0]?.isOpen === true,
    receive: (frame) => deliver(context(), frame),
    gather() {
      context().batching++
      return end
    },
    linkChanged(up) {
      indicate(context(), up ? Indication.mediaConnect : Indication.mediaDisconnect)
      deps.event('link', up ? 'up' : 'down')
    },
  }
}
