import type { GuestMemory } from '@vmbus/hypervisor'
import { plainCopy } from '@vmbus/world'
import { differenceAt } from '@vmbus/world/testing'

/** What has a state that can be saved and put back at any step. */
export interface Restorable {
  save(): unknown
  restore(state: unknown): void
}

/** Saves, restores, and saves again: undefined when that gave the same state, or the first place where it did not. */
export function changedByRestore(subject: Restorable): string | undefined {
  const saved = subject.save()
  // Restoring may do what it likes to the state that it is given.
  const before = plainCopy(saved)
  subject.restore(saved)
  const after = subject.save()
  const at = differenceAt(after, before)
  return at === undefined ? undefined : `the state at ${at}`
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
