import type { Accepts, Frame } from './frame.ts'
import type { Port } from './interface.ts'
import type { PortConfig, PortOptions } from './port.ts'

/** A network adapter in a slot of the switch: made anew whenever its machine is restored, or it is removed and added. */
export interface Adapter {
  /** Of its port. */
  readonly name: string
  readonly mac: string
  readonly config: PortConfig
  readonly accepts: Accepts
  /** Whose it is: its machine, compared by identity, and its name within. */
  readonly machine: object
  readonly instanceId: string
  /** What it was made of, compared by identity: a machine that starts again brings the same. */
  readonly origin: object
  /** A guest has it open. */
  isOpen(): boolean
  receive(frame: Frame): void
  /** As of a port: what is called is the end of this adapter's own part of a burst. */
  gather(): () => void
  linkChanged(up: boolean): void
}

/** A port and the adapter behind it. Adapters come and go; the cable stays. */
export interface Slot {
  readonly port: Port
  readonly mac: string
  /** The port is the adapter's. Its settings are applied once for each origin. */
  take(adapter: Adapter): void
  /** The adapter was withdrawn: the port is for the next one. */
  release(adapter: Adapter): void
}

interface OwnedSlot extends Slot {
  readonly owner: Adapter | undefined
}

/** The slots of a switch, by the names of their ports. */
export function createSlots(connect: (options: PortOptions) => Port): (adapter: Adapter) => Slot | undefined {
  const slots = new Map<string, OwnedSlot>()
  return (adapter) => {
    const found = slots.get(adapter.name)
    if (found?.owner !== undefined && isAnothers(found.owner, adapter)) return undefined
    if (found?.mac === adapter.mac) {
      if (found.owner === undefined) found.take(adapter)
      return found
    }
    found?.port.disconnect()
    const slot = createSlot(connect, adapter)
    slots.set(adapter.name, slot)
    return slot
  }
}

const nothing = (): void => {}

function createSlot(connect: (options: PortOptions) => Port, first: Adapter): OwnedSlot {
  const { name, mac, config, accepts } = first
  let owner: Adapter | undefined = first
  const port = connect({
    ...config,
    name,
    mac,
    accepts,
    receive: (frame) => owner?.receive(frame),
    gather: () => owner?.gather() ?? nothing,
    linkChanged: (up) => owner?.linkChanged(up),
  })
  return {
    port,
    mac,
    get owner() {
      return owner
    },
    take(adapter) {
      if (owner === adapter) return
      const before = owner
      owner = adapter
      if (before?.origin !== adapter.origin) port.configure(adapter.config)
    },
    release(adapter) {
      if (owner === adapter) owner = undefined
    },
  }
}

/** A machine that starts again brings the same origin; one that is thrown away leaves no channel open. */
const isAnothers = (owner: Adapter, { origin, machine, instanceId }: Adapter): boolean =>
  (owner.machine !== machine || owner.instanceId !== instanceId) && (owner.origin !== origin || owner.isOpen())
