import type { IcGuestOptions, IcVersions } from '@vmbus/ic'
import type { QuirkId } from '../../quirks.ts'

/** Exact matches only, and an answer of zero counts without one (drivers/hv/channel_mgmt.c, vmbus_prep_negotiate_resp). */
export const linuxIc = (versions: IcVersions): Pick<IcGuestOptions, 'versions' | 'match' | 'unmatched'> => ({
  versions,
  match: 'exact',
  unmatched: 'answer',
})

/** Time synchronisation and heartbeat drain their rings, the other components do not. */
export const perSignal = (quirks: ReadonlySet<QuirkId>): 'one' | 'all' =>
  quirks.has('one-packet-per-signal') ? 'one' : 'all'
