import { Version, type GuestDriverSpec } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'
import { vss, type VssQuirk } from '@vmbus/vss'
import type { QuirkId } from '../../quirks.ts'
import type { ModuleContext } from '../module.ts'
import { linuxIc, perSignal } from './negotiation.ts'
import { servedBy } from './served-by.ts'

const VSS_QUIRKS: readonly (readonly [QuirkId, VssQuirk])[] = [
  ['vss-keeps-flags', 'keeps-flags'],
  ['vss-no-recovery', 'no-recovery'],
]

/** drivers/hv/hv_snapshot.c with hv_vss_daemon, whose file systems can all be frozen. */
export function vssDriver({ quirks, system }: ModuleContext, versions: IcVersions): GuestDriverSpec {
  const { daemons } = system
  const stand = (frozen: boolean): true => {
    daemons.frozen = frozen
    return true
  }
  return servedBy(daemons, 'vss', (daemon) =>
    vss.driver({
      ...linuxIc(versions),
      perSignal: perSignal(quirks),
      target: { freeze: () => stand(true), thaw: () => stand(false) },
      ...(quirks.has('vss-needs-new-bus') ? { busSince: Version.v3_0 } : {}),
      quirks: VSS_QUIRKS.flatMap(([id, quirk]) => (quirks.has(id) ? [quirk] : [])),
      daemon,
    }),
  )
}
