import { icVersion, type IcChoice, type IcGuestOptions, type IcVersions } from '@vmbus/ic'
import type { Capabilities } from '../capabilities.ts'

const THREE = icVersion(3, 0)
const ONE = icVersion(1, 0)
const FOUR = icVersion(4, 0)

/**
 * The drivers before 10.4 and 11.1 look at the place of a version and not for it: a second framework version of major 3
 * means 3.0, anything else 1.0. Key-value exchange takes message 4.0 when so many are offered, which need not be one of
 * them: 10.1 and the port ask for two, and answer a host that has 3.0 and 1.0 with 4.0 (sys/dev/hyperv/utilities/hv_util.c
 * and hv_kvp.c, hv_kvp_negotiate_version).
 */
const byIndex =
  (fourFrom: number): IcChoice =>
  ({ framework, message }) => {
    if ((framework[1] ?? 0) >>> 16 !== 3) return { framework: ONE, message: ONE }
    return { framework: THREE, message: message.length >= fourFrom ? FOUR : THREE }
  }

type Framing = Pick<IcGuestOptions, 'versions' | 'match' | 'unmatched' | 'perSignal'>

/** How a service negotiates, and how many packets it takes for one interrupt. */
export function framing(
  { negotiation }: Capabilities,
  versions: IcVersions,
  {
    fourFrom = Infinity,
    loops = false,
    unmatched = 'silence',
  }: Pick<IcGuestOptions, 'unmatched'> & { readonly fourFrom?: number; readonly loops?: boolean } = {},
): Framing {
  return {
    versions,
    match: negotiation === 'best' ? 'at-most' : byIndex(fourFrom),
    // sys/dev/hyperv/utilities/vmbus_ic.c: vmbus_ic_negomsg fails, and the callers but that of VSS return.
    unmatched,
    // vmbus_ic_attach turns batched reading off.
    perSignal: loops ? 'all' : 'one',
  }
}
