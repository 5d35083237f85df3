import type { Guest } from '@vmbus/machine-v86'
import { CORE_COMPONENTS, realDevices } from '../../real/registry.ts'
import { UsageError } from '../failure.ts'

/** What a guest must carry and start so that its end of a device works. */
interface Need {
  readonly modules?: readonly string[]
  readonly packages?: readonly string[]
  /** Run once the modules are loaded. */
  readonly start?: string
  /** RAM with which there is something to see. */
  readonly memoryMB?: number
}

const daemon = (name: string): Need => ({
  packages: ['hyperv-daemons'],
  start: `mkdir -p /var/lib/hyperv; (${name} -n >/dev/null 2>&1 &); sleep 1`,
})

const NEEDS: Readonly<Record<string, Need>> = {
  netvsc: { modules: ['hv_netvsc'], start: 'ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0' },
  storvsc: { modules: ['hv_storvsc', 'sd_mod', 'ext4'], packages: ['e2fsprogs'] },
  // The default is hardly more than what Linux keeps for itself (its floor).
  balloon: { modules: ['hv_balloon'], memoryMB: 256 },
  kvp: daemon('hv_kvp_daemon'),
  vss: daemon('hv_vss_daemon'),
  fcopy: daemon('hv_fcopy_daemon'),
}

/** The devices of `--devices kvp,netvsc`, the core components always among them. */
export function deviceKinds(text: string | undefined): readonly string[] {
  const asked = text === undefined || text === '' ? [] : text.split(',')
  for (const kind of asked)
    if (!Object.hasOwn(realDevices, kind))
      throw new UsageError(`unknown device: ${kind} (one of ${Object.keys(realDevices).join(', ')})`)
  return [...new Set([...CORE_COMPONENTS, ...asked])]
}

export const modulesFor = (kinds: readonly string[]): string[] => [
  ...new Set(['hv_vmbus', 'hv_utils', ...kinds.flatMap((kind) => NEEDS[kind]?.modules ?? [])]),
]

export const packagesFor = (kinds: readonly string[]): string[] => [
  ...new Set(kinds.flatMap((kind) => NEEDS[kind]?.packages ?? [])),
]

/** Undefined: the machine's own default. */
export const memoryFor = (kinds: readonly string[]): number | undefined =>
  kinds.map((kind) => NEEDS[kind]?.memoryMB).find((memoryMB) => memoryMB !== undefined)

/** Starts the daemons and interfaces of a guest that runs our command agent. */
export async function startServices(guest: Guest, kinds: readonly string[]): Promise<void> {
  for (const kind of kinds) {
    const start = NEEDS[kind]?.start
    if (start !== undefined) await guest.exec(start)
  }
}
