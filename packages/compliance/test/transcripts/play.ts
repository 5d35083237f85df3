import type { LinuxSurface } from '@vmbus/guest-linux'
import type { World, WorldGuest } from '@vmbus/simulation'
import type { Provenance } from '@vmbus/trace'
import { numberedFile, type Step } from './script.ts'

/** What the host's devices can be asked for, by `kind.action`; those that this host does not have are absent. */
export type Actions = Readonly<Record<string, (of: never) => unknown>>

/** The event that ends what a device was asked for. */
function endOf(action: string): `host:${string}` {
  const [kind = '', verb = ''] = action.split('.')
  if (kind === 'vss') return 'host:vss:backup'
  return kind === 'balloon' ? `host:balloon:${verb === 'hotAdd' ? 'hot-add' : verb}` : `host:${kind}:completed`
}

/** `uname -r` of the real kernel, which its package is named by. */
export const releaseOf = (provenance: Provenance): string =>
  /^linux-image-(.+?)_/.exec(String(provenance['package']))?.[1] ?? ''

/** Takes a simulated guest through a script. `put` keeps a file of the host. */
export async function play(
  steps: readonly Step[],
  world: World,
  guest: WorldGuest<LinuxSurface>,
  actions: Actions,
  put?: (name: string, bytes: Uint8Array) => void,
): Promise<void> {
  const seen = new Map<string, number>()
  const count = (event: string): number => seen.get(event) ?? 0
  guest.on((event) => {
    if (event.kind === 'host') seen.set(`host:${event.name}`, count(`host:${event.name}`) + 1)
  })
  const awaitEvents = async (event: `host:${string}`, times: number): Promise<void> => {
    while (count(event) < times) await guest.until(event, { seconds: 400 })
  }
  /** False when this host does not have the action, or refuses. */
  const begin = (action: string, of: unknown): boolean => {
    const taken = actions[action]?.(of as never)
    return typeof taken === 'number' || taken === 'begun'
  }
  for (const step of steps) {
    if ('ask' in step) {
      const before = count(endOf(step.ask))
      if (begin(step.ask, step.of)) await awaitEvents(endOf(step.ask), before + 1)
    } else if ('begin' in step) begin(step.begin, step.of)
    else if ('events' in step) await awaitEvents(`host:${step.events}`, count(`host:${step.events}`) + step.times)
    else if ('file' in step) put?.(step.file, numberedFile(step.bytes))
    else if ('start' in step) {
      for (const name of step.start) guest.surface.daemon(name).start()
      world.run({ seconds: 1 })
    } else if ('kill' in step) {
      guest.surface.daemon(step.kill).stop()
      world.run({ seconds: 1 })
    } else world.run({ seconds: step.seconds })
  }
}
