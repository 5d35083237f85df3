import type { HostBus } from '@vmbus/core'
import type { DeviceTarget } from '../../src/index.ts'

/** A target with the branches that each end has to reach. */
export interface JudgedTarget {
  readonly target: DeviceTarget
  readonly branches: { readonly host: readonly string[]; readonly guest: readonly string[] }
  /** Further ones that only the deep run is sure to reach. */
  readonly rare?: { readonly host?: readonly string[]; readonly guest?: readonly string[] }
}

/** All branches of a table but those that are rare. */
export const often = (table: Readonly<Record<string, string>>, rare: readonly string[] = []): readonly string[] =>
  Object.keys(table).filter((branch) => !rare.includes(branch))

/** The phase that an end shows. */
export const phase = (inspected: Record<string, unknown>): string => String(inspected['phase'])

/** Counts requests that began, and the events of a device that end one each. */
export function counted(names: readonly string[]) {
  let [begun, ended] = [0, 0]
  let heard: HostBus | undefined
  return {
    listen(bus: HostBus): void {
      if (heard === bus) return
      heard = bus
      bus.on((event) => void (event.kind === 'device' && names.includes(event.name) && ended++))
    },
    begun: () => void begun++,
    tally: () => ({ begun, ended }),
  }
}
