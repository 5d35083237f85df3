import { WindowsError } from '../errors.ts'
import type { SystemPart } from '../services/types.ts'

/** An adapter that its driver has set up. */
export interface LiveAdapter {
  /** Instance GUID of the device, without braces. */
  readonly instanceId: string
  readonly mac: string
  readonly mtu: number
  readonly isEnabled: boolean
  readonly isConnected: boolean
  readonly address: string
  readonly nvsp: number
  readonly queues: number
  enable(): void
  disable(): void
  setMtu(mtu: number): void
  setAddress(address: string): void
  send(bytes: Uint8Array): boolean
  ping(address: string, bytes: number): number
  isAnswered(sequence: number): boolean
}

/** The names of adapters, and who listens to what they receive. */
export interface AdapterTable extends SystemPart {
  readonly names: readonly string[]
  readonly list: readonly LiveAdapter[]
  find(name: string): LiveAdapter | undefined
  /** Under its name from before, or the first that is free; returns the name. */
  register(live: LiveAdapter, name?: string): string
  remove(name: string): void
  listen(name: string, listener: (bytes: Uint8Array) => void): () => void
  received(name: string, bytes: Uint8Array): void
}

/** `Ethernet`, `Ethernet 2`, …; before Windows 8 `Local Area Connection`. */
export function adapterTable(prefix: string): AdapterTable {
  const live = new Map<string, LiveAdapter>()
  const listeners = new Map<string, Set<(bytes: Uint8Array) => void>>()
  const nameOf = (index: number): string => (index === 0 ? prefix : `${prefix} ${index + 1}`)
  return {
    get names() {
      return [...live.keys()]
    },
    get list() {
      return [...live.values()]
    },
    find: (name) => live.get(name),
    register(made, known) {
      let index = 0
      while (live.has(nameOf(index))) index++
      const name = known ?? nameOf(index)
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

/** An echo request, answered or not yet. */
export interface EchoRequest {
  readonly address: string
  readonly sequence: number
  readonly answered: boolean
}

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

/** The adapter of a name, there or not. What needs it throws VMBUS_WINDOWS_NET where it is not. */
export function windowsAdapter(table: AdapterTable, name: string): WindowsAdapter {
  const live = (): LiveAdapter => {
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
      return live().instanceId
    },
    get mac() {
      return live().mac
    },
    get mtu() {
      return live().mtu
    },
    get isConnected() {
      return live().isConnected
    },
    get isEnabled() {
      return live().isEnabled
    },
    get address() {
      return live().address
    },
    get nvsp() {
      return live().nvsp
    },
    get queues() {
      return live().queues
    },
    enable: () => live().enable(),
    disable: () => live().disable(),
    setMtu: (mtu) => live().setMtu(mtu),
    setAddress: (address) => live().setAddress(address),
    send: (frame) => live().send(frame),
    onFrame: (listener) => table.listen(name, listener),
    ping(address, { bytes = ECHO_BYTES } = {}) {
      const sequence = live().ping(address, bytes)
      return {
        address,
        sequence,
        get answered() {
          return table.find(name)?.isAnswered(sequence) ?? false
        },
      }
    },
  }
}
