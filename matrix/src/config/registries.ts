import { OURS, type Registry } from '../registry/registry.ts'
import { loadRegistry } from './load.ts'

/** Gives the registry of a configuration, read when it is first asked for; without one, ours. Rejects as `loadRegistry`. */
export function registries(): (file: string | undefined) => Promise<Registry> {
  const known = new Map<string, Promise<Registry>>()
  return (file) => {
    if (file === undefined) return Promise.resolve(OURS)
    const found = known.get(file) ?? loadRegistry(file)
    known.set(file, found)
    return found
  }
}
