import type { Frame, Port, Switch } from '@vmbus/switch'
import { DEFAULT_MAC, DEFAULT_MTU, type NetvscHostOptions } from './options.ts'

/** A port of a switch and the adapter that is behind it now. Adapters come and go (restore, remove and add); the cable stays. */
export interface Attachment {
  readonly port: Port
  readonly mac: string
  options: NetvscHostOptions
  receive: (frame: Frame) => void
  linkChanged: (up: boolean) => void
}

const attachments = new WeakMap<Switch, Map<string, Attachment>>()

/** The port of these options: the one that is there, or a new one. Its settings are applied once for each set of options. */
export function attach(options: NetvscHostOptions): Attachment {
  const { mac = DEFAULT_MAC } = options
  const { name = `nic-${mac}` } = options
  const ports = attachments.get(options.switch) ?? new Map<string, Attachment>()
  attachments.set(options.switch, ports)
  const config = { vlan: options.vlan, mtu: options.mtu ?? DEFAULT_MTU, spoofing: options.macSpoofing ?? false }
  let found = ports.get(name)
  if (found !== undefined && found.mac !== mac) {
    found.port.disconnect()
    found = undefined
  }
  if (found !== undefined) {
    if (found.options !== options) found.port.configure(config)
    found.options = options
    return found
  }
  const made: Attachment = {
    mac,
    options,
    receive: () => undefined,
    linkChanged: () => undefined,
    port: options.switch.connect({
      ...config,
      name,
      mac,
      accepts: { vlan: true, segment: true },
      receive: (frame) => made.receive(frame),
      linkChanged: (up) => made.linkChanged(up),
    }),
  }
  ports.set(name, made)
  return made
}
