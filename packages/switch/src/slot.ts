import type { Adapter, Port, PortOptions, Slot } from './interface.ts'

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
