import type { Life } from './life.ts'
import type { StageServices } from './measured-stage.ts'

/** What a simulated guest's system shows of itself, on the host that it is on at the time. */
export const simulatedServices = (life: () => Life): StageServices => ({
  net: () => life().surface.net(),
  keyValues: () => life().surface.keyValues(),
  memory: () => life().surface.memory(),
  clock() {
    const { world, surface } = life()
    const host = (): bigint => world.epoch + BigInt(world.clock.now())
    const own = (): bigint => surface.guest.wallClock()
    return { guest: own, host, off: () => Number(own() - host()) }
  },
  files() {
    const { provided, surface } = life()
    return { ...surface.files, provide: (source, contents) => void provided.set(source, contents) }
  },
  backup() {
    const { surface } = life()
    return {
      get frozen() {
        return surface.frozen
      },
      onSnapshot(take) {
        life().snapshot = take
      },
    }
  },
  listed: () => life().surface.listed(),
  ports: () => life().surface.ports(),
})
