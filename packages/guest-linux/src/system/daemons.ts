import type { SystemService } from '@vmbus/core'

/** The daemons of the hyperv-daemons package: key-value exchange, backup, file copy. */
export type DaemonName = 'kvp' | 'vss' | 'fcopy'
export const DAEMONS: readonly DaemonName[] = ['kvp', 'vss', 'fcopy']

/** What runs of them, and what they have done. Drivers hear of a daemon that comes or goes. */
export interface DaemonSet extends SystemService {
  isRunning(name: DaemonName): boolean
  setRunning(name: DaemonName, running: boolean): void
  /** The driver that a daemon serves; one that is made later takes its place. */
  serves(name: DaemonName, driver: { setDaemon(running: boolean): void }): void
  /** Writes to file systems stand still. */
  frozen: boolean
  /** Paths of the files that came from the host. */
  readonly received: Set<string>
}

interface Saved {
  readonly running: readonly DaemonName[]
  readonly frozen: boolean
  readonly received: readonly string[]
}

/** `starting` is what a daemon does before it registers with the kernel. */
export function daemonSet(started: readonly DaemonName[], starting: (name: DaemonName) => void): DaemonSet {
  let running = new Set<DaemonName>(started)
  for (const name of started) starting(name)
  const drivers = new Map<DaemonName, { setDaemon(running: boolean): void }>()
  const received = new Set<string>()
  return {
    frozen: false,
    received,
    isRunning: (name) => running.has(name),
    setRunning(name, now) {
      if (running.has(name) === now) return
      if (now) {
        starting(name)
        running.add(name)
      } else running.delete(name)
      drivers.get(name)?.setDaemon(now)
    },
    serves: (name, driver) => void drivers.set(name, driver),
    save(): Saved {
      return { running: [...running], frozen: this.frozen, received: [...received] }
    },
    restore(state) {
      const saved = state as Saved
      running = new Set(saved.running)
      this.frozen = saved.frozen
      received.clear()
      for (const path of saved.received) received.add(path)
    },
  }
}
