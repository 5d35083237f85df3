import type { IpInfo } from '@vmbus/kvp'
import type { QueueStatistics } from '@vmbus/netvsc'
import {
  UNCONFIGURED,
  interfaceTable,
  ping,
  type EchoRequest,
  type Features,
  type InterfaceTable,
  type LiveInterface,
  type SendRequest,
  type VfFunction,
  type VfLink,
  type VfState,
} from '@vmbus/netvsc/stack'

/** Thrown for an interface that is not there, that has no address, or that cannot do what it is asked for. */
export class FreebsdNetError extends Error {
  readonly code = 'VMBUS_FREEBSD_NET'
}

/** The interfaces of a system, by name. */
export interface NetInterfaces extends InterfaceTable {
  /** The interface of an adapter, by instance GUID (in braces or not), MAC address or its own name. */
  nameOf(adapterId: string): string | undefined
  /** Addresses as the daemon reports them; undefined when there is no such interface. */
  info(adapterId: string): IpInfo | undefined
  /** Sets the first IPv4 address; false when there is no such interface, or no address of it that can be set. */
  configure(info: IpInfo): boolean
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
  const table = interfaceTable((unit) => `hn${unit}`)
  const nameOf = (adapterId: string): string | undefined => {
    const id = plain(adapterId)
    if (table.find(id) !== undefined) return id
    const bare = id.replaceAll(/[-:]/g, '')
    for (const [name, { instanceId, mac }] of table.all)
      if ((instanceId !== undefined && plain(instanceId) === id) || mac.replaceAll(':', '') === bare) return name
    return undefined
  }

  return {
    ...table,
    nameOf,
    info(adapterId) {
      const found = table.find(nameOf(adapterId) ?? '')
      if (found === undefined) return undefined
      const [first = ''] = found.config.addresses
      const [address = '', prefix = ''] = first.split('/')
      const has = first !== ''
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
      const found = table.find(nameOf(adapterId) ?? '')
      const at = addresses.findIndex((address) => !address.includes(':'))
      const prefix = prefixOf(subnets[at] ?? '')
      if (found === undefined || at < 0 || prefix === undefined) return false
      found.configure({ ...UNCONFIGURED, addresses: [`${addresses[at]}/${prefix}`] })
      return true
    },
  }
}

/** An interface by its name, such as `hn0`, there or not: what ifconfig(8) shows and does. */
export interface FreebsdInterface {
  readonly name: string
  /** Its driver has set it up: `until('driver:interface')`. All that follows needs it. */
  readonly exists: boolean
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
  /**
   * Sends an Ethernet frame; false when the interface is down. A checksum to be filled in and a TCP segment to be cut are the
   * host's to do as far as `features` says so, else the system's.
   */
  send(frame: Uint8Array, request?: SendRequest): boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Sends an echo request of `bytes` (56) of payload: `until('driver:echo')`. Throws VMBUS_FREEBSD_NET without an address. */
  ping(address: string, options?: { readonly bytes?: number }): EchoRequest
  /** What the adapter does: TXCSUM, TXCSUM_IPV6, TSO4, TSO6, VLAN_HWTAGGING and the host's coalescing. */
  readonly features: Features
  /** What passed each channel since it opened (`sysctl dev.hn.N.tx` and `.rx`), the primary first. */
  readonly queues: readonly QueueStatistics[]
  /** `sysctl dev.hn.N.rss_ind` (if_hn.c, hn_rss_ind_sysctl): 128 channels. */
  setRss(table: readonly number[]): void
  /** `sysctl dev.hn.N.rsc_switch` (if_hn.c, hn_rsc_sysctl). */
  setCoalescing(on: boolean): void
  /** IFCAP_LRO: the driver joins the TCP segments that it receives. */
  readonly lro: boolean
  /** `ifconfig NAME lro` or `-lro`. */
  setLro(on: boolean): void
  /** The virtual function that the host told of, and which way the traffic goes (if_hn.c, hn_nvs_set_datapath). */
  readonly vf: VfState
  /** The driver of a virtual function has found it (if_hn.c, hn_ifnet_attevent). */
  attachVf(vf: VfFunction): VfLink
  /** `ifconfig NAME.ID create`: a vlan(4), 0 … 4094. */
  addVlan(id: number): FreebsdInterface
}

const DEFAULT_ECHO_BYTES = 56

/** Throws VMBUS_FREEBSD_NET where an interface is needed that is not there. */
export function freebsdInterface(table: NetInterfaces, name: string): FreebsdInterface {
  const live = (): LiveInterface => {
    const found = table.find(name)
    if (found === undefined) throw new FreebsdNetError(`there is no interface ${name}`)
    return found
  }
  return {
    name,
    get exists() {
      return table.find(name) !== undefined
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
    up: () => live().up(),
    down: () => live().down(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().configure({ ...UNCONFIGURED, addresses: [address] }),
    send: (frame, request) => live().send(frame, request),
    onFrame: (listener) => table.listen(name, listener),
    ping: (address, { bytes = DEFAULT_ECHO_BYTES } = {}) => ping(table, live(), address, bytes),
    get features() {
      return live().adapter.features
    },
    get queues() {
      return live().adapter.queues
    },
    setRss: (table) => live().adapter.setRss({ table }),
    setCoalescing: (on) => live().adapter.setFeature('large-receive-offload', on),
    get lro() {
      return live().adapter.joins
    },
    setLro: (on) => live().adapter.setJoins(on),
    get vf() {
      return live().adapter.vf
    },
    attachVf: (vf) => live().adapter.attachVf(vf),
    addVlan(id) {
      const found = live()
      if (found.vlan !== undefined) throw new FreebsdNetError(`${name} is no adapter's`)
      return freebsdInterface(table, found.adapter.addVlan(id).name)
    },
  }
}
