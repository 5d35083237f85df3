import type { GuestMemory } from '@vmbus/hypervisor'

/**
 * Guest memory that lets the other end act between any two looks at it: `hook` is called before each access to the
 * bytes or words, never from within itself.
 */
export function hookedMemory(memory: GuestMemory): GuestMemory & { hook: (() => void) | undefined } {
  let inside = false
  const hooked = {
    hook: undefined as (() => void) | undefined,
    size: memory.size,
    concurrent: memory.concurrent === true,
    get bytes() {
      intrude()
      return memory.bytes
    },
    get view() {
      intrude()
      return memory.view
    },
    get words() {
      intrude()
      return memory.words
    },
    wrote: (gpa: number, length: number) => memory.wrote(gpa, length),
  }
  function intrude(): void {
    const { hook } = hooked
    if (inside || hook === undefined) return
    inside = true
    hook()
    inside = false
  }
  return hooked
}
