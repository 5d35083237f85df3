import { fcopy, type CopyRequest, type CopyResult } from '@vmbus/fcopy'
import { linux, type LinuxOptions, type LinuxSurface } from '@vmbus/guest-linux'
import { ws2022, type HostProfile } from '@vmbus/host'
import { kvp, type KvpCompletion, type KvpHost } from '@vmbus/kvp'
import { simulate, type World, type WorldGuest } from '@vmbus/simulation'
import { vss, type BackupResult, type VssHost } from '@vmbus/vss'

export const FILE = Uint8Array.from({ length: 10_000 }, (_, at) => at >>> 3)

export interface Services {
  readonly world: World
  readonly guest: WorldGuest<LinuxSurface>
  readonly kvp: KvpHost
  readonly vss: VssHost
  /** Packets and messages so far, as text. */
  readonly crossed: readonly string[]
  copy(request: Partial<CopyRequest>): number | string
  /** Waits for the end of what has this id. */
  ended(event: 'kvp:completed', id: number | string): Promise<KvpCompletion>
  ended(event: 'vss:backup', id: number | string): Promise<BackupResult>
  ended(event: 'fcopy:completed', id: number | string): Promise<CopyResult>
}

/** A Linux with its daemons on a host that uses them; `hold` leaves snapshots to `vss.snapshotDone`. */
export async function services(
  options: LinuxOptions & { readonly profile?: HostProfile; readonly hold?: boolean } = {},
): Promise<Services> {
  const { profile = ws2022, hold = false, ...system } = options
  const world = simulate({ seed: 4 })
  const source = {
    read(_: string, offset: number, into: Uint8Array): boolean {
      into.set(FILE.subarray(offset, offset + into.length))
      return true
    },
  }
  const specs = [kvp({}), vss({ snapshot: () => (hold ? 'later' : true) }), fcopy({ source })] as const
  const host = world.host(profile, specs)
  const guest = world.guest(linux('6.1', { modules: ['hv_utils'], ...system }), { memoryMB: 0.5 })
  const crossed: string[] = []
  const details = new Map<string, unknown>()
  guest.on((event) => {
    if (event.kind === 'host')
      details.set(`${event.name} ${(event.detail as { id?: number } | undefined)?.id}`, event.detail)
  })
  const attached = guest.attach(host, {
    trace(event) {
      if (event.kind === 'message' || event.kind === 'packet')
        crossed.push(`${event.kind} to ${event.to}: ${Buffer.from(event.bytes).toString('hex')}`)
    },
  })
  await guest.until('running')
  // The module is loaded; its devices are opened in tasks of their own.
  world.run({ ms: 100 })
  return {
    world,
    guest,
    crossed,
    // Asked for each time: a world that is restored has devices of its own.
    get kvp() {
      return host.device(attached, specs[0])
    },
    get vss() {
      return host.device(attached, specs[1])
    },
    copy: (request) =>
      host
        .device(attached, specs[2])
        .copy({ source: 'file', size: FILE.length, path: '/tmp', name: 'file', ...request }),
    async ended(event: string, id: number | string): Promise<never> {
      if (typeof id !== 'number') throw new Error(`not taken: ${id}`)
      while (!details.has(`${event} ${id}`)) await guest.until(`host:${event}`, { seconds: 400 })
      return details.get(`${event} ${id}`) as never
    },
  }
}
