import type { SystemService } from '@vmbus/core'
import type { Registry, RegistryValue } from '@vmbus/kvp'
import { integer, list, object, restoreState, stateForm, text } from '@vmbus/world'

/** Types of values (winnt.h): text, text with references, 32 and 64 bits; numbers are decimal text. */
export const RegistryType = { sz: 1, expandSz: 2, dword: 4, qword: 11 } as const

/** HKEY_LOCAL_MACHINE. Keys and names differ by more than case, and keep the case that they were made with. */
export interface WindowsRegistry extends Registry, SystemService {
  /** Keys that have values, in the order in which they were made. */
  readonly keys: readonly string[]
  value(key: string, name: string): RegistryValue | undefined
}

interface Key {
  readonly path: string
  readonly values: readonly RegistryValue[]
}

const FORM = stateForm<{ readonly keys: readonly Key[] }>('windows-registry', 1, {
  keys: list(
    object<Key>({
      path: text,
      values: list(object<RegistryValue>({ name: text, type: integer(), data: text })),
    }),
  ),
})

const MOST = { [RegistryType.dword]: 0xffff_ffffn, [RegistryType.qword]: 0xffff_ffff_ffff_ffffn } as const

/** A number fits its type; other types hold what they are given. */
function isWhole({ type, data }: RegistryValue): boolean {
  if (type !== RegistryType.dword && type !== RegistryType.qword) return true
  return /^\d{1,20}$/.test(data) && BigInt(data) <= MOST[type]
}

const folded = (name: string): string => name.toLowerCase()

export function windowsRegistry(): WindowsRegistry {
  let keys = new Map<string, Key>()
  const keyOf = (path: string): Key => keys.get(folded(path)) ?? { path, values: [] }
  const placeOf = ({ values }: Key, name: string): number =>
    values.findIndex((each) => folded(each.name) === folded(name))
  const put = (key: Key, values: readonly RegistryValue[]): void => {
    keys.set(folded(key.path), { ...key, values })
  }
  return {
    get keys() {
      return [...keys.values()].map(({ path }) => path)
    },
    values: (path) => keyOf(path).values,
    value: (path, name) => keyOf(path).values.find((each) => folded(each.name) === folded(name)),
    set(path, value) {
      if (!isWhole(value)) return false
      const key = keyOf(path)
      const place = placeOf(key, value.name)
      const known = key.values[place]
      put(key, known === undefined ? [...key.values, value] : key.values.with(place, { ...value, name: known.name }))
      return true
    },
    remove(path, name) {
      const key = keyOf(path)
      const place = placeOf(key, name)
      if (place >= 0) put(key, key.values.toSpliced(place, 1))
      return place >= 0
    },
    save: () => ({ ...FORM.head, keys: [...keys.values()] }),
    restore(state) {
      keys = new Map(restoreState(state, FORM).keys.map((key) => [folded(key.path), key]))
    },
  }
}
