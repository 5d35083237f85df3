import type { GuestMemory } from '@vmbus/hypervisor'

/** What has a state that can be saved and put back at any step. */
export interface Restorable {
  save(): unknown
  restore(state: unknown): void
}

/** Saves, restores, and saves again: undefined when that gave the same state, or the first place where it did not. */
export function changedByRestore(subject: Restorable): string | undefined {
  const saved = subject.save()
  const before = JSON.stringify(saved)
  subject.restore(saved)
  const after = JSON.stringify(subject.save())
  if (after === before) return undefined
  let at = 0
  while (before[at] === after[at]) at++
  return `${before.slice(Math.max(0, at - 60), at + 20)} became ${after.slice(Math.max(0, at - 60), at + 20)}`
}

/** Runs `work` and says which byte of guest memory it changed, or -1. */
export function byteChangedBy(memory: GuestMemory, work: () => void): number {
  const { bytes, words } = memory
  const before = words.slice()
  work()
  for (let word = 0; word < words.length; word++)
    if (words[word] !== before[word]) {
      const old = new Uint8Array(before.buffer)
      return bytes.findIndex((byte, at) => at >= word * 4 && byte !== old[at])
    }
  return -1
}
