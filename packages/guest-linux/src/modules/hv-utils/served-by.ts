import type { GuestDriver, GuestDriverSpec } from '@vmbus/core'
import type { DaemonName, DaemonSet } from '../../system/daemons.ts'

/** A driver whose requests a daemon serves: it begins with the daemon as that is, and hears when it comes or goes. */
export function servedBy(
  daemons: DaemonSet,
  name: DaemonName,
  spec: (running: boolean) => GuestDriverSpec<GuestDriver & { setDaemon(running: boolean): void }>,
): GuestDriverSpec {
  return {
    ...spec(false),
    create(deps) {
      const driver = spec(daemons.isRunning(name)).create(deps)
      daemons.serves(name, driver)
      return driver
    },
  }
}
