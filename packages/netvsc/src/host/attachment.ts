import type { HostDeviceDeps } from '@vmbus/core'
import { ShapeMismatch, checkOptions } from '@vmbus/world'
import type { Frame, Port, Switch } from '@vmbus/switch'
import { DEFAULT_MAC, DEFAULT_MTU, type NetvscHostOptions } from './options.ts'

/** Who is behind a port: the adapter of one machine, made anew by each restore. */
export interface Plugged {
  readonly options: NetvscHostOptions
  /** The RAM of its machine, and its instance: whose adapter it is. */
  readonly memory: HostDeviceDeps['memory']
  readonly instanceId: string
  /** A guest has it open. */
  isOpen(): boolean
  receive(frame: Frame): void
  linkChanged(up: boolean): void
}

/** A port of a switch and the adapter behind it. Adapters come and go (restore, remove and add); the cable stays. */
export interface Attachment {
  readonly port: Port
  readonly mac: string
  owner: Plugged | undefined
}

const attachments = new WeakMap<Switch, Map<string, Attachment>>()

/**
 * The port of these options: the one that is there, or a new one. The adapter gets its frames from now on, unless there is
 * one that it replaces: then once `take` says so. Throws OptionsError for an address that another adapter has.
 */
export function attach(plugged: Plugged): Attachment {
  const { options } = plugged
  const { mac = DEFAULT_MAC } = options
  const { name = `nic-${mac}` } = options
  const ports = attachments.get(options.switch) ?? new Map<string, Attachment>()
  attachments.set(options.switch, ports)
  const found = ports.get(name)
  if (found?.owner !== undefined && isAnothers(found.owner, plugged))
    refuse(options.name === undefined ? 'mac' : 'name', options.name ?? mac)
  if (found !== undefined && found.mac === mac) {
    if (found.owner === undefined) take(found, plugged)
    return found
  }
  found?.port.disconnect()
  const made: Attachment = {
    mac,
    owner: plugged,
    port: options.switch.connect({
      ...configOf(options),
      name,
      mac,
      accepts: { vlan: true, segment: true },
      receive: (frame) => made.owner?.receive(frame),
      linkChanged: (up) => made.owner?.linkChanged(up),
    }),
  }
  ports.set(name, made)
  return made
}

/** The port is the adapter's. Its settings are applied once for each set of options. */
export function take(attachment: Attachment, plugged: Plugged): void {
  const { owner } = attachment
  if (owner === plugged) return
  attachment.owner = plugged
  if (owner?.options !== plugged.options) attachment.port.configure(configOf(plugged.options))
}

/** The adapter was withdrawn: the port is for the next one. */
export function release(attachment: Attachment, plugged: Plugged): void {
  if (attachment.owner === plugged) attachment.owner = undefined
}

/** A machine that starts again brings the same options; one that is thrown away leaves no channel open. */
const isAnothers = (owner: Plugged, { options, memory, instanceId }: Plugged): boolean =>
  (owner.memory !== memory || owner.instanceId !== instanceId) && (owner.options !== options || owner.isOpen())

function configOf({ vlan, mtu = DEFAULT_MTU, macSpoofing: spoofing = false }: NetvscHostOptions) {
  return { vlan, mtu, spoofing }
}

function refuse(field: string, value: string): never {
  return checkOptions<never>(
    'netvsc',
    () => {
      throw new ShapeMismatch(field, value, 'one that no adapter of the switch has')
    },
    undefined,
  )
}
