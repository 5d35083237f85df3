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
  const word = firstChange(words, before)
  if (word < 0) return -1
  const old = new Uint8Array(before.buffer)
  return bytes.findIndex((byte, at) => at >= word * 4 && byte !== old[at])
}

/** The first word of those from `from` on that is not what it was before, or -1. Of its own, so that it is compiled once for all RAM. */
export function firstChange(words: Int32Array, before: Int32Array, from = 0): number {
  const { length } = before
  for (let at = 0; at < length; at++) if (words[from + at] !== before[at]) return from + at
  return -1
}
