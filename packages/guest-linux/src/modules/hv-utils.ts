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

/** The first 50 samples after load set the clock before 4.0 of the component, each after it; a PTP device only shows them. */
function samplesThatSet({ capabilities }: ModuleContext): number {
  if (capabilities.ptpClock) return 0
  return capabilities.timesync.message.includes(icVersion(4, 0)) ? Infinity : 50
}

/** hv_fcopy_uio_daemon has the device to itself, so without it nobody opens that. */
function hasFcopy({ capabilities, system }: ModuleContext): boolean {
  return (
    capabilities.fcopyBy === 'kernel' || (capabilities.fcopyBy === 'uio-daemon' && system.daemons.isRunning('fcopy'))
  )
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
        setBySamples: samplesThatSet(context),
        staleSeconds: capabilities.ptpClock ? STALE_AFTER_SECONDS : Infinity,
        reportsFailure: !quirks.has('timesync-always-ok'),
      }),
      heartbeat.driver(linuxIc(capabilities.heartbeat)),
      ...(capabilities.kvp === undefined ? [] : [kvpDriver(context, capabilities.kvp)]),
      ...(capabilities.vss === undefined ? [] : [vssDriver(context, capabilities.vss)]),
      ...(capabilities.fcopy === undefined || !hasFcopy(context) ? [] : [fcopyDriver(context, capabilities.fcopy)]),
    ]
  },
}
