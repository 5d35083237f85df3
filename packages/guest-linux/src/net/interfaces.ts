import {
  UNCONFIGURED,
  interfaceTable,
  ping,
  type EchoRequest,
  type Feature,
  type Features,
  type InterfaceTable,
  type IpConfig,
  type LiveInterface,
  type SendRequest,
  type VfFunction,
  type VfLink,
  type VfState,
} from '@vmbus/netvsc/stack'
import type { QueueStatistics } from '@vmbus/netvsc'
import { LinuxNetError } from './errors.ts'

/** net/core/dev.c, dev_alloc_name. */
export const netInterfaces = (): InterfaceTable => interfaceTable((index) => `eth${index}`)

/** Channels of receive side scaling, `ethtool -x`: the hash key of 40 bytes, and a channel for each of 128 hashes. */
export interface RssState {
  readonly key: Uint8Array
  readonly table: readonly number[]
}

/** A network interface as the system's tools see it: an adapter's, or a VLAN's over one. */
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
  /** `ip link set NAME up` and `down`. VLANs go with the interface below; above one that is down they stay down. */
  up(): void
  down(): void
  /** `ip link set NAME mtu`: an adapter is closed and opened again. */
  setMtu(mtu: number): void
  /** The only address, such as `10.0.0.2/24` or `fd00::2/64`. From then on ARP and echo requests are answered. */
  setAddress(address: string): void
  /**
   * Sends an Ethernet frame; false when the interface is down. With `checksum` its TCP or UDP checksum is filled in, with
   * `segment` a TCP segment of up to 64 KiB is cut: by the host as far as `features` says so, else by the system.
   */
  send(frame: Uint8Array, request?: SendRequest): boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Sends an echo request of `bytes` (56) of payload: `until('driver:echo')`. */
  ping(address: string, options?: { readonly bytes?: number }): EchoRequest
  /** Takes the driver from the adapter, as its `unbind` file in sysfs does. */
  unbind(): void

  /** `ip link add link NAME name NAME.ID type vlan id ID`, 0 … 4094: frames with this tag. */
  addVlan(id: number): LinuxInterface
  /** `ip link delete`: a VLAN goes. */
  remove(): void
  /** VLAN id; undefined for an adapter's interface. */
  readonly vlan: number | undefined

  /** What the adapter does for the system, under the names of `ethtool -k`. */
  readonly features: Features
  /** `ethtool -K`; not the tags, which are fixed. */
  setFeature(feature: Feature, on: boolean): void
  /** `ethtool -l`. */
  readonly channels: { readonly most: number; readonly open: number }
  /** `ethtool -L NAME combined N`: the adapter is closed and opened again. */
  setChannels(count: number): void
  /** What passed each channel since it opened (`ethtool -S`), the primary first. */
  readonly queues: readonly QueueStatistics[]
  /** `ethtool -x`; undefined with one channel. */
  readonly rss: RssState | undefined
  /** `ethtool -X`: 128 channels, and a key of 40 bytes; what is not given stays: `until('driver:rss')`. */
  setRss(change: Partial<RssState>): void
  /** The virtual function that the host told of, and which way the adapter's traffic goes. */
  readonly vf: VfState
  /** The driver of a virtual function has found it (there is no vPCI): see the README. */
  attachVf(vf: VfFunction): VfLink
}

const DEFAULT_ECHO_BYTES = 56

export function linuxInterface(table: InterfaceTable, name: string): LinuxInterface {
  const live = (): LiveInterface => {
    const found = table.find(name)
    if (found === undefined) throw new LinuxNetError(`there is no interface ${name}`)
    return found
  }
  const adapter = (): LiveInterface['adapter'] => {
    const found = live()
    if (found.vlan !== undefined) throw new LinuxNetError(`${name} is no adapter's`)
    return found.adapter
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
    get config() {
      return live().config
    },
    up: () => live().up(),
    down: () => live().down(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().configure({ ...UNCONFIGURED, addresses: [address] }),
    send: (frame, request) => live().send(frame, request),
    onFrame: (listener) => table.listen(name, listener),
    ping: (address, { bytes = DEFAULT_ECHO_BYTES } = {}) => ping(table, live(), address, bytes),
    unbind() {
      adapter()
      live().remove()
    },
    addVlan: (id) => linuxInterface(table, adapter().addVlan(id).name),
    remove() {
      if (live().vlan === undefined) throw new LinuxNetError(`${name} is an adapter's`)
      live().remove()
    },
    get vlan() {
      return live().vlan
    },
    get features() {
      return adapter().features
    },
    setFeature: (feature, on) => adapter().setFeature(feature, on),
    get channels() {
      return adapter().channels
    },
    setChannels: (count) => adapter().setChannels(count),
    get queues() {
      return adapter().queues
    },
    get rss() {
      return adapter().rss
    },
    setRss: (change) => adapter().setRss(change),
    get vf() {
      return adapter().vf
    },
    attachVf: (vf) => adapter().attachVf(vf),
  }
}
