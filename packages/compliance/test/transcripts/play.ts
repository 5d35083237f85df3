import type { LinuxSurface } from '@vmbus/guest-linux'
import type { World, WorldGuest } from '@vmbus/simulation'
import { numberedFile, type Step } from './script.ts'

/** What the host's devices can be asked for, by `kind.action`; those that this host does not have are absent. */
export type Actions = Readonly<Record<string, (of: never) => unknown>>

/** Takes a simulated guest through a script. `put` keeps a file of the host. */
export async function play(
  steps: readonly Step[],
  world: World,
  guest: WorldGuest<LinuxSurface>,
  actions: Actions,
  put: (name: string, bytes: Uint8Array) => void,
): Promise<void> {
  const ended = new Set<string>()
  guest.on((event) => {
    if (event.kind !== 'host') return
    const { id } = (event.detail ?? {}) as { readonly id?: number }
    ended.add(`${event.name} ${id}`)
  })
  const begin = (action: string, of: unknown): unknown => actions[action]?.(of as never)
  for (const step of steps) {
    if ('ask' in step) {
      const id = begin(step.ask, step.of)
      const kind = step.ask.slice(0, step.ask.indexOf('.'))
      const name = `${kind}:${kind === 'vss' ? 'backup' : 'completed'}` as const
      while (typeof id === 'number' && !ended.has(`${name} ${id}`)) await guest.until(`host:${name}`)
    } else if ('begin' in step) begin(step.begin, step.of)
    else if ('file' in step) put(step.file, numberedFile(step.bytes))
    else if ('start' in step) {
      for (const name of step.start) guest.surface.daemon(name).start()
      world.run({ seconds: 1 })
    } else if ('kill' in step) {
      guest.surface.daemon(step.kill).stop()
      world.run({ seconds: 1 })
    } else world.run({ seconds: step.seconds })
  }
}
