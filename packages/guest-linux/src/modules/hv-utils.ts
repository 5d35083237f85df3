import { heartbeat } from '@vmbus/heartbeat'
import type { IcGuestOptions, IcVersions } from '@vmbus/ic'
import { icVersion } from '@vmbus/ic'
import { shutdown, type ShutdownAction } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import type { LinuxModule, ModuleContext } from './module.ts'

/** Exact matches only, and an answer of zero counts without one (drivers/hv/channel_mgmt.c, vmbus_prep_negotiate_resp). */
const linuxIc = (versions: IcVersions): Pick<IcGuestOptions, 'versions' | 'match' | 'unmatched'> => ({
  versions,
  match: 'exact',
  unmatched: 'answer',
})

/** Restart came with 3.1 of the component and hibernation with 3.2 (include/linux/hyperv.h). */
function actionsOf({ capabilities, hibernation }: ModuleContext): ShutdownAction[] {
  const speaks = (major: number, minor: number): boolean =>
    capabilities.shutdown.message.includes(icVersion(major, minor))
  return [
    'power-off',
    ...(speaks(3, 1) ? (['restart'] as const) : []),
    ...(hibernation && speaks(3, 2) ? (['hibernate'] as const) : []),
  ]
}

/** drivers/hv/hv_util.c: the components that every release has. */
export const hvUtils: LinuxModule = {
  name: 'hv_utils',
  kinds: [shutdown.kind, timesync.kind, heartbeat.kind],
  drivers(context) {
    const { capabilities, quirks, services } = context
    return [
      shutdown.driver({
        ...linuxIc(capabilities.shutdown),
        act: (action, forced) => services.act(action, forced),
        supports: actionsOf(context),
        perSignal: quirks.has('one-packet-per-signal') ? 'one' : 'all',
      }),
      timesync.driver({
        ...linuxIc(capabilities.timesync),
        clock: services.clock,
        // Only the sync message sets the clock; samples are for the PTP device.
        sampleThreshold: 0,
        reportsFailure: !quirks.has('timesync-always-ok'),
      }),
      heartbeat.driver(linuxIc(capabilities.heartbeat)),
    ]
  },
}
