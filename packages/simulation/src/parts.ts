import { anything, list, pair, restoreState, stateForm, text } from '@vmbus/world'
import type { SystemPart } from './types.ts'

/** The parts of one life of an operating system, by name. */
export interface SystemParts {
  part<P extends SystemPart>(name: string, make: () => P): P
  save(): unknown
  restore(state: unknown): void
}

interface Saved {
  readonly parts: readonly (readonly [name: string, state: unknown])[]
}
const FORM = stateForm<Saved>('system-parts', 1, { parts: list(pair(text, anything)) })

/** Parts are made while the drivers and the surface are, so a system that is restored has those of the one that was saved. */
export function systemParts(): SystemParts {
  const parts = new Map<string, SystemPart>()
  return {
    part<P extends SystemPart>(name: string, make: () => P): P {
      const known = parts.get(name)
      if (known !== undefined) return known as P
      const made = make()
      parts.set(name, made)
      return made
    },
    save: () => ({ ...FORM.head, parts: [...parts].map(([name, part]) => [name, part.save()]) }),
    restore(state) {
      for (const [name, saved] of restoreState(state, FORM).parts) parts.get(name)?.restore(saved)
    },
  }
}
