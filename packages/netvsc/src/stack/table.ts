import type { InterfaceTable, LiveInterface } from './interface.ts'

/** `nameOf` gives the name of the n-th adapter of a system, from 0 on. */
export function interfaceTable(nameOf: (index: number) => string): InterfaceTable {
  const live = new Map<string, LiveInterface>()
  const listeners = new Map<string, Set<(bytes: Uint8Array) => void>>()
  return {
    all: live,
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

/** Sends an echo request over the interface of a name; whether it is answered is asked of whoever has that name then. */
export function ping(table: InterfaceTable, live: LiveInterface, address: string, bytes: number): EchoRequest {
  const { name } = live
  const sequence = live.ping(address, bytes)
  return {
    address,
    sequence,
    get answered() {
      return table.find(name)?.isAnswered(sequence) ?? false
    },
  }
}
