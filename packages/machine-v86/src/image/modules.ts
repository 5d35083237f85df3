import { decompress } from '../archive/decompress.ts'
import type { TarEntry } from '../archive/tar.ts'
import { MachineError } from '../errors.ts'
import { moduleName, readModuleInfo, type ModuleInfo } from './modinfo.ts'
import { withoutSignature } from './module-signature.ts'

/** A module ready to be loaded: unpacked, in an order where everything that it needs comes before. */
export interface LoadableModule {
  readonly name: string
  /** Modules that must be there before it, in load order. */
  readonly needs: readonly string[]
  readonly bytes: Uint8Array
}

const KO = /^(?:usr\/)?lib\/modules\/[^/]+\/(?:.*\/)?([^/]+)\.ko(?:\.(?:xz|zst|gz))?$/
const BUILT_IN = /^(?:usr\/)?lib\/modules\/[^/]+\/modules\.builtin$/

/** The modules of a kernel package's files, found by name. */
export interface ModuleTree {
  readonly available: readonly string[]
  /**
   * The wanted modules and all that they need, in load order. A module that is built into the kernel needs none; one
   * that the kernel does not have is an error VMBUS_IMAGE_NO_MODULE.
   */
  closure(wanted: readonly string[]): Promise<LoadableModule[]>
}

/** The modules that a list of built-in ones names by their paths. */
const builtInOf = ({ bytes }: TarEntry): string[] =>
  new TextDecoder()
    .decode(bytes)
    .split('\n')
    .flatMap((line) => /([^/]+)\.ko$/.exec(line)?.[1] ?? [])
    .map(moduleName)

export function moduleTree(entries: readonly TarEntry[]): ModuleTree {
  const files = new Map<string, TarEntry>()
  const builtIn = new Set<string>()
  for (const entry of entries) {
    const name = KO.exec(entry.path)?.[1]
    if (name !== undefined) files.set(moduleName(name), entry)
    else if (BUILT_IN.test(entry.path)) for (const each of builtInOf(entry)) builtIn.add(each)
  }

  const loaded = new Map<string, Promise<{ info: ModuleInfo; bytes: Uint8Array }>>()
  const load = (name: string, entry: TarEntry): Promise<{ info: ModuleInfo; bytes: Uint8Array }> => {
    const known =
      loaded.get(name) ??
      decompress(entry.bytes, { what: entry.path }).then((bytes) => ({
        info: readModuleInfo(bytes, entry.path),
        bytes: withoutSignature(bytes),
      }))
    loaded.set(name, known)
    return known
  }

  /** Which modules answer to an alias; needs every module's own words, so it is looked up only when asked for. */
  const byAlias = async (alias: string): Promise<string[]> => {
    const found: string[] = []
    for (const [name, entry] of files) {
      const { info } = await load(name, entry)
      if (info.aliases.includes(alias) || info.aliases.includes(`crypto-${alias}`)) found.push(name)
    }
    return found
  }

  return {
    available: [...files.keys()].sort(),
    async closure(wanted) {
      const ordered: LoadableModule[] = []
      const state = new Map<string, 'visiting' | 'done'>()
      const visit = async (name: string, neededBy: string): Promise<void> => {
        if (state.has(name) || builtIn.has(name)) return
        const entry = files.get(name)
        if (entry === undefined)
          throw new MachineError('VMBUS_IMAGE_NO_MODULE', `the kernel has no module ${name}${neededBy}`, {
            module: name,
          })
        state.set(name, 'visiting')
        const { info, bytes } = await load(name, entry)
        const needs: string[] = []
        const first = async (needed: string, why: string): Promise<void> => {
          await visit(needed, why)
          if (!builtIn.has(needed) && !needs.includes(needed)) needs.push(needed)
        }
        for (const soft of info.softDepends) {
          const target = moduleName(soft)
          if (builtIn.has(target)) continue
          const providers = files.has(target) ? [target] : await byAlias(soft)
          for (const provider of providers) await first(provider, `, wanted by ${name}`)
        }
        for (const dependency of info.depends) await first(dependency, `, needed by ${name}`)
        state.set(name, 'done')
        ordered.push({ name, needs, bytes })
      }
      for (const name of wanted) await visit(moduleName(name), '')
      return ordered
    },
  }
}

/** The modules and what each needs before it, every one once: one that its kernel refuses is not tried again for the next. */
export function withNeeds(names: readonly string[], needs: Readonly<Record<string, readonly string[]>> = {}): string[] {
  const order: string[] = []
  const seen = new Set<string>()
  const visit = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    needs[name]?.forEach(visit)
    order.push(name)
  }
  names.forEach(visit)
  return order
}
