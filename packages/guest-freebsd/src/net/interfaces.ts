import type { IpInfo } from '@vmbus/kvp'

/** Thrown for an interface that is not there, or that has no address. */
export class FreebsdNetError extends Error {
  readonly code = 'VMBUS_FREEBSD_NET'
}

/** An echo request, answered or not yet. */
export interface EchoRequest {
  readonly address: string
  readonly sequence: number
  readonly answered: boolean
}

/** What ifconfig(8) shows and does, of an interface that is there. */
interface Interface {
  readonly mac: string
  readonly mtu: number
  /** IFF_UP. */
  readonly isUp: boolean
  /** `status: active`. */
  readonly carrier: boolean
  /** Address and prefix length, or ''. */
  readonly address: string
  up(): void
  down(): void
  /** Closes the adapter and opens it again. */
  setMtu(mtu: number): void
  /** IPv4, such as `10.0.0.2/24`. From then on ARP and echo requests are answered. */
  setAddress(address: string): void
  /** Sends an Ethernet frame; false when the interface is down. */
  send(frame: Uint8Array): boolean
}

export interface LiveInterface extends Interface {
  readonly instanceId: string
  ping(address: string, bytes: number): number
  isAnswered(sequence: number): boolean
}

/** The hn interfaces of a system, by name. */
export interface NetInterfaces {
  find(name: string): LiveInterface | undefined
  /** Under its name from before, or the first unit that is free; returns the name. */
  register(live: LiveInterface, name?: string): string
  remove(name: string): void
  /** The interface of an adapter, by instance GUID (in braces or not), MAC address or its own name. */
  nameOf(adapterId: string): string | undefined
  /** Addresses as the daemon tells them; undefined when there is no such interface. */
  info(adapterId: string): IpInfo | undefined
  /** Sets the first IPv4 address; false when there is no such interface, or no address of it that can be set. */
  configure(info: IpInfo): boolean
  listen(name: string, listener: (bytes: Uint8Array) => void): () => void
  received(name: string, bytes: Uint8Array): void
  save(): unknown
  restore(saved: unknown): void
}

const BITS = 32

const maskOf = (prefix: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor((2 ** BITS - 2 ** (BITS - prefix)) / 2 ** shift) % 256).join('.')

/** The prefix length of a dotted mask, undefined when it is none. */
function prefixOf(mask: string): number | undefined {
  const prefix = Array.from({ length: BITS + 1 }, (_, length) => length).find((length) => maskOf(length) === mask)
  return prefix
}

const plain = (id: string): string => id.replaceAll(/[{}]/g, '').toLowerCase()

export function netInterfaces(): NetInterfaces {
  const live = new Map<string, LiveInterface>()
  const listeners = new Map<string, Set<(bytes: Uint8Array) => void>>()

  const nameOf = (adapterId: string): string | undefined => {
    const id = plain(adapterId)
    if (live.has(id)) return id
    const bare = id.replaceAll(/[-:]/g, '')
    for (const [name, { instanceId, mac }] of live)
      if (plain(instanceId) === id || mac.replaceAll(':', '') === bare) return name
    return undefined
  }

  return {
    find: (name) => live.get(name),
    register(made, known) {
      let name = known ?? ''
      for (let unit = 0; name === ''; unit++) if (!live.has(`hn${unit}`)) name = `hn${unit}`
      live.set(name, made)
      return name
    },
    remove: (name) => void live.delete(name),
    nameOf,
    info(adapterId) {
      const found = live.get(nameOf(adapterId) ?? '')
      if (found === undefined) return undefined
      const [address = '', prefix = ''] = found.address.split('/')
      const has = found.address !== ''
      return {
        adapterId,
        family: 'ipv4',
        dhcp: false,
        addresses: has ? [address] : [],
        subnets: has ? [maskOf(Number(prefix))] : [],
        gateways: [],
        dns: [],
      }
    },
    configure({ adapterId, addresses, subnets }) {
      const found = live.get(nameOf(adapterId) ?? '')
      const at = addresses.findIndex((address) => !address.includes(':'))
      const prefix = prefixOf(subnets[at] ?? '')
      if (found === undefined || at < 0 || prefix === undefined) return false
      found.setAddress(`${addresses[at]}/${prefix}`)
      return true
    },
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

/** An interface by its name, such as `hn0`, there or not. */
export interface FreebsdInterface extends Interface {
  readonly name: string
  /** Its driver has set it up: `until('driver:interface')`. All that is of `Interface` needs it. */
  readonly exists: boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Sends an echo request of `bytes` (56) of payload: `until('driver:echo')`. Throws VMBUS_FREEBSD_NET without an address. */
  ping(address: string, options?: { readonly bytes?: number }): EchoRequest
}

const DEFAULT_ECHO_BYTES = 56

/** Throws VMBUS_FREEBSD_NET where an interface is needed that is not there. */
export function freebsdInterface(interfaces: NetInterfaces, name: string): FreebsdInterface {
  const live = (): LiveInterface => {
    const found = interfaces.find(name)
    if (found === undefined) throw new FreebsdNetError(`there is no interface ${name}`)
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
      return live().address
    },
    up: () => live().up(),
    down: () => live().down(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().setAddress(address),
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
  }
}
