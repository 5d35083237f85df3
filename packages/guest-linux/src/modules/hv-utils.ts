import { fcopy } from '@vmbus/fcopy'
import { heartbeat } from '@vmbus/heartbeat'
import { icVersion } from '@vmbus/ic'
import { kvp } from '@vmbus/kvp'
import { shutdown, type ShutdownAction } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import { STALE_AFTER_SECONDS } from '@vmbus/timesync/protocol'
import { vss } from '@vmbus/vss'
import { fcopyDriver } from './hv-utils/fcopy.ts'
import { kvpDriver } from './hv-utils/kvp.ts'
import { linuxIc, perSignal } from './hv-utils/negotiation.ts'
import { vssDriver } from './hv-utils/vss.ts'
import type { LinuxModule, ModuleContext } from './module.ts'

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

/** drivers/hv/hv_util.c: the components, as far as the release has them. */
export const hvUtils: LinuxModule = {
  name: 'hv_utils',
  kinds: [shutdown.kind, timesync.kind, heartbeat.kind, kvp.kind, vss.kind, fcopy.kind],
  drivers(context) {
    const { capabilities, quirks, services } = context
    return [
      shutdown.driver({
        ...linuxIc(capabilities.shutdown),
        act: (action, forced) => services.act(action, forced),
        supports: actionsOf(context),
        perSignal: perSignal(quirks),
      }),
      timesync.driver({
        ...linuxIc(capabilities.timesync),
        clock: services.clock,
        // Samples set the clock as a sync does, or are for the PTP device, which looks at their age.
        sampleThreshold: 0,
        setBySamples: capabilities.samplesThatSet,
        staleSeconds: capabilities.ptpClock ? STALE_AFTER_SECONDS : Infinity,
        reportsFailure: !quirks.has('timesync-always-ok'),
      }),
      heartbeat.driver(linuxIc(capabilities.heartbeat)),
      ...(capabilities.kvp === undefined ? [] : [kvpDriver(context, capabilities.kvp)]),
      ...(capabilities.vss === undefined ? [] : [vssDriver(context, capabilities.vss)]),
      ...(capabilities.fcopy === undefined ? [] : [fcopyDriver(context, capabilities.fcopy)]),
    ]
  },
}
