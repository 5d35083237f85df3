import { list, pair, restoreState, stateForm, text } from '@vmbus/world'

/** Unit numbers of da(4): the lowest that is free, kept by the place of the disk. */
export interface Units {
  /** The name of the disk at a place, such as `da0`. */
  add(place: string): string
  remove(place: string): void
  save(): unknown
  restore(saved: unknown): void
}

const FORM = stateForm<{ readonly names: readonly (readonly [place: string, name: string])[] }>('freebsd-units', 1, {
  names: list(pair(text, text)),
})

export function units(): Units {
  const names = new Map<string, string>()
  return {
    add(place) {
      const taken = new Set(names.values())
      let unit = 0
      while (taken.has(`da${unit}`)) unit++
      const name = names.get(place) ?? `da${unit}`
      names.set(place, name)
      return name
    },
    remove: (place) => void names.delete(place),
    save: () => ({ ...FORM.head, names: [...names] }),
    restore(saved) {
      names.clear()
      for (const [place, name] of restoreState(saved, FORM).names) names.set(place, name)
    },
  }
}
