import type { GuestDriverSpec } from '@vmbus/core'
import { fcopy, type FcopyQuirk, type FileSystem } from '@vmbus/fcopy'
import { HResult, type IcVersions } from '@vmbus/ic'
import type { QuirkId } from '../../quirks.ts'
import type { ModuleContext } from '../module.ts'
import { linuxIc, perSignal } from './negotiation.ts'
import { servedBy } from './served-by.ts'

const FCOPY_QUIRKS: readonly (readonly [QuirkId, FcopyQuirk])[] = [
  ['fcopy-in-place', 'in-place'],
  ['fcopy-trusts-names', 'trusts-names'],
  ['fcopy-trusts-offsets', 'trusts-offsets'],
  ['fcopy-slashed-folders', 'slashed-folders'],
]

/** drivers/hv/hv_fcopy.c with hv_fcopy_daemon. */
export function fcopyDriver({ quirks, system }: ModuleContext, versions: IcVersions): GuestDriverSpec {
  const { files, daemons } = system
  const { received } = daemons
  const copied: FileSystem = {
    ...files,
    create(path) {
      const status = files.create(path)
      if (status === HResult.ok) received.add(path)
      return status
    },
    rename(from, to) {
      const status = files.rename(from, to)
      if (status === HResult.ok && received.delete(from)) received.add(to)
      return status
    },
    remove(path) {
      files.remove(path)
      received.delete(path)
    },
  }
  return servedBy(daemons, 'fcopy', (daemon) =>
    fcopy.driver({
      ...linuxIc(versions),
      perSignal: perSignal(quirks),
      files: copied,
      quirks: FCOPY_QUIRKS.flatMap(([id, quirk]) => (quirks.has(id) ? [quirk] : [])),
      daemon,
    }),
  )
}
