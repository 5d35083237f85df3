import type { GuestMemory } from '@vmbus/hypervisor'

/** What has a state that can be saved and put back at any step. */
export interface Restorable {
  save(): unknown
  restore(state: unknown): void
}

/** The state as text. A list of things by key is a table: its order says nothing. */
const textOf = (state: unknown): string =>
  JSON.stringify(state, (name, value: unknown) =>
    name === 'rings' && Array.isArray(value)
      ? (value as readonly { readonly key: number }[]).toSorted((a, b) => a.key - b.key)
      : value,
  )

/** Saves, restores, and saves again: undefined when that gave the same state, or the first place where it did not. */
export function changedByRestore(subject: Restorable): string | undefined {
  const saved = subject.save()
  const before = textOf(saved)
  subject.restore(saved)
  const after = textOf(subject.save())
  if (after === before) return undefined
  let at = 0
  while (before[at] === after[at]) at++
  return `${before.slice(Math.max(0, at - 60), at + 20)} became ${after.slice(Math.max(0, at - 60), at + 20)}`
}

/** Runs `work` and says which byte of guest memory it changed, or -1. */
export function byteChangedBy(memory: GuestMemory, work: () => void): number {
  const before = memory.bytes.slice()
  work()
  return memory.bytes.findIndex((byte, at) => byte !== before[at])
}
