import type { QueueStatistics } from '@vmbus/netvsc'
import {
  UNCONFIGURED,
  ping,
  type EchoRequest,
  type InterfaceTable,
  type LiveInterface,
  type VfFunction,
  type VfLink,
  type VfState,
} from '@vmbus/netvsc/stack'
import { WindowsError } from '../errors.ts'

/** A network adapter as Network Connections and NDIS show it. */
export interface WindowsAdapter {
  /** `Ethernet`. */
  readonly name: string
  /** Its driver has set it up: `until('driver:adapter')`. All that follows needs it. */
  readonly exists: boolean
  /** Instance GUID of the device. */
  readonly instanceId: string
  readonly mac: string
  readonly mtu: number
  /** NdisMediaStateConnected. */
  readonly isConnected: boolean
  /** As it is from the start. */
  readonly isEnabled: boolean
  /** Address and prefix length, or ''. */
  readonly address: string
  /** NVSP word that was agreed on. */
  readonly nvsp: number
  /** Channels over which it receives. */
  readonly queues: number
  /** What passed each channel since it opened, the primary first. */
  readonly statistics: readonly QueueStatistics[]
  /** The virtual function that the host told of, and which way the traffic goes. */
  readonly vf: VfState
  /** The driver of a virtual function has found it. */
  attachVf(vf: VfFunction): VfLink
  /** What the stack asks by OID_GEN_RECEIVE_SCALE_PARAMETERS: 128 channels. Throws VMBUS_WINDOWS_NET where nothing is spread. */
  setRss(table: readonly number[]): void
  /** Enable-NetAdapterRsc and Disable-NetAdapterRsc. Throws VMBUS_WINDOWS_NET where nothing is joined. */
  setRsc(on: boolean): void
  enable(): void
  disable(): void
  /** The adapter is closed and opened again. Throws OptionsError. */
  setMtu(mtu: number): void
  /** IPv4, such as `10.0.0.2/24`. From then on ARP and echo requests are answered. */
  setAddress(address: string): void
  /** NdisSendNetBufferLists of one frame; false when the adapter is disabled or not connected. */
  send(frame: Uint8Array): boolean
  /** Hears every frame that arrives, valid during the call; returns the way to stop. */
  onFrame(listener: (frame: Uint8Array) => void): () => void
  /** Sends an echo request of `bytes` (32) of payload: `until('driver:echo')`. */
  ping(address: string, options?: { readonly bytes?: number }): EchoRequest
}

/** Payload of ping.exe. */
const ECHO_BYTES = 32

/** `Ethernet`, `Ethernet 2`, …; before Windows 8 `Local Area Connection`. */
export const adapterNames =
  (prefix: string) =>
  (index: number): string =>
    index === 0 ? prefix : `${prefix} ${index + 1}`

/** The adapter of a name, there or not. What needs it throws VMBUS_WINDOWS_NET where it is not. */
export function windowsAdapter(table: InterfaceTable, name: string): WindowsAdapter {
  const live = (): LiveInterface => {
    const found = table.find(name)
    if (found === undefined) throw new WindowsError('VMBUS_WINDOWS_NET', `there is no adapter ${name}`)
    return found
  }
  return {
    name,
    get exists() {
      return table.find(name) !== undefined
    },
    get instanceId() {
      return live().instanceId ?? ''
    },
    get mac() {
      return live().mac
    },
    get mtu() {
      return live().mtu
    },
    get isConnected() {
      return live().carrier
    },
    get isEnabled() {
      return live().isUp
    },
    get address() {
      return live().config.addresses[0] ?? ''
    },
    get nvsp() {
      return live().adapter.nvsp
    },
    get queues() {
      return live().adapter.channels.open
    },
    get statistics() {
      return live().adapter.queues
    },
    get vf() {
      return live().adapter.vf
    },
    attachVf: (vf) => live().adapter.attachVf(vf),
    setRss: (channels) => live().adapter.setRss({ table: channels }),
    setRsc: (on) => live().adapter.setFeature('large-receive-offload', on),
    enable: () => live().up(),
    disable: () => live().down(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().configure({ ...UNCONFIGURED, addresses: [address] }),
    send: (frame) => live().send(frame),
    onFrame: (listener) => table.listen(name, listener),
    ping: (address, { bytes = ECHO_BYTES } = {}) => ping(table, live(), address, bytes),
  }
}
