import type { GuestMemory } from '@vmbus/hypervisor'
import { plainCopy } from '@vmbus/world'

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
  const at = difference(before, after)
  return at === undefined ? undefined : `the state at ${at}`
}

type Named = Readonly<Record<string, unknown>>

const isNamed = (value: unknown): value is Named => typeof value === 'object' && value !== null
const isList = (value: unknown): value is ArrayLike<unknown> => Array.isArray(value) || value instanceof Uint8Array

/**
 * The path to the first place where two plain values differ, the order of names included. Not by their JSON, in which each
 * byte of user data is a name and a number.
 */
function difference(before: unknown, after: unknown): string | undefined {
  if (Object.is(before, after)) return undefined
  if (isList(before) && isList(after)) return listDifference(before, after)
  if (!isNamed(before) || !isNamed(after)) return ''
  const [names, others] = [Object.keys(before), Object.keys(after)]
  if (names.length !== others.length) return ''
  for (const [index, name] of names.entries()) {
    if (name !== others[index]) return `.${name}`
    const below = difference(before[name], after[name])
    if (below !== undefined) return `.${name}${below}`
  }
  return undefined
}

function listDifference(before: ArrayLike<unknown>, after: ArrayLike<unknown>): string | undefined {
  if (before.length !== after.length) return '.length'
  for (let index = 0; index < before.length; index++) {
    const below = difference(before[index], after[index])
    if (below !== undefined) return `[${index}]${below}`
  }
  return undefined
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
