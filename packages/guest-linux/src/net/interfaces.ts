import type { SystemPart } from '../modules/module.ts'
import { LinuxNetError } from './errors.ts'
import { UNCONFIGURED, type IpConfig } from './ip-config.ts'

/** An echo request, answered or not yet. */
export interface EchoRequest {
  readonly address: string
  readonly sequence: number
  readonly answered: boolean
}

/** An interface that a driver has registered. */
export interface LiveInterface {
  readonly mac: string
  readonly mtu: number
  readonly isUp: boolean
  readonly carrier: boolean
  /** Of its VMBus device; undefined for an interface that has none. */
  readonly instanceId: string | undefined
  readonly config: IpConfig
  /** The address that the MAC gives, while it is up. */
  readonly linkLocal: string | undefined
  up(): void
  down(): void
  setMtu(mtu: number): void
  /** Takes the place of every address and route that it has. Throws SwitchError for what no station has. */
  configure(config: IpConfig): void
  send(bytes: Uint8Array): boolean
  ping(address: string, bytes: number): number
  isAnswered(sequence: number): boolean
  unbind(): void
}

/** The names of interfaces, and who listens to what they receive. */
export interface NetInterfaces extends SystemPart {
  find(name: string): LiveInterface | undefined
  /** By name, in the order in which they came. */
  readonly all: ReadonlyMap<string, LiveInterface>
  /** Under its name from before, or the first that is free (net/core/dev.c, dev_alloc_name); returns the name. */
  register(live: LiveInterface, name?: string): string
  remove(name: string): void
  listen(name: string, listener: (bytes: Uint8Array) => void): () => void
  received(name: string, bytes: Uint8Array): void
}

export function netInterfaces(): NetInterfaces {
  const live = new Map<string, LiveInterface>()
  const listeners = new Map<string, Set<(bytes: Uint8Array) => void>>()
  return {
    find: (name) => live.get(name),
    all: live,
    register(made, known) {
      let name = known ?? ''
      for (let index = 0; name === ''; index++) if (!live.has(`eth${index}`)) name = `eth${index}`
      live.set(name, made)
      return name
    },
    remove: (name) => void live.delete(name),
    listen(name, listener) {
      const set = listeners.get(name) ?? new Set()
      listeners.set(name, set)
      set.add(listener)
      return () => void set.delete(listener)
    },
    received(name, bytes) {
      for (const listener of listeners.get(name) ?? []) listener(bytes)
    },
    // Drivers that are restored register theirs again.
    save: () => null,
    restore: () => live.clear(),
  }
}

/** A network interface as the system's tools see it. */
export interface LinuxInterface {
  readonly name: string
  /** Its driver has set it up: `until('driver:interface')`. All that follows needs it. */
  readonly exists: boolean
  readonly mac: string
  readonly mtu: number
  /** The cable is plugged in. */
  readonly carrier: boolean
  readonly isUp: boolean
  /** The first address with its prefix length, or ''. */
  readonly address: string
  /** All that it is set to, by hand or by its host (IP injection). */
  readonly config: IpConfig
  /** `ip link set NAME up` and `down`. */
  up(): void
  down(): void
  /** `ip link set NAME mtu`: the adapter is closed and opened again. */
  setMtu(mtu: number): void
  /** The only address, such as `10.0.0.2/24` or `fd00::2/64`. From then on ARP and echo requests are answered. */
  setAddress(address: string): void
  /** Sends an Ethernet frame; false when the interface is down. */
  send(frame: Uint8Array): boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Sends an echo request of `bytes` (56) of payload: `until('driver:echo')`. */
  ping(address: string, options?: { readonly bytes?: number }): EchoRequest
  /** Takes the driver from the adapter, as its `unbind` file in sysfs does. */
  unbind(): void
}

const DEFAULT_ECHO_BYTES = 56

export function linuxInterface(interfaces: NetInterfaces, name: string): LinuxInterface {
  const live = (): LiveInterface => {
    const found = interfaces.find(name)
    if (found === undefined) throw new LinuxNetError(`there is no interface ${name}`)
    return found
  }
  return {
    name,
    get exists() {
      return interfaces.find(name) !== undefined
    },
    get mac() {
      return live().mac
    },
    get mtu() {
      return live().mtu
    },
    get carrier() {
      return live().carrier
    },
    get isUp() {
      return live().isUp
    },
    get address() {
      return live().config.addresses[0] ?? ''
    },
    get config() {
      return live().config
    },
    up: () => live().up(),
    down: () => live().down(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().configure({ ...UNCONFIGURED, addresses: [address] }),
    send: (frame) => live().send(frame),
    onFrame: (listener) => interfaces.listen(name, listener),
    ping(address, { bytes = DEFAULT_ECHO_BYTES } = {}) {
      const sequence = live().ping(address, bytes)
      return {
        address,
        sequence,
        get answered() {
          return interfaces.find(name)?.isAnswered(sequence) ?? false
        },
      }
    },
    unbind: () => live().unbind(),
  }
}
