import type { Evidenced, Field } from '@vmbus/world'
import type { IntegrationServices } from './packages.ts'
import type { WindowsCapabilities, WindowsRelease } from './types.ts'

type Build = WindowsRelease['os']

const WINDOWS_8: Build = [6, 2, 9200]
const WINDOWS_8_1: Build = [6, 3, 9600]
const OCTOBER_2018: Build = [10, 0, 17763]

function isSince(os: Build, first: Build): boolean {
  const at = os.findIndex((part, index) => part !== first[index])
  return at < 0 || (os[at] ?? 0) > (first[at] ?? 0)
}

/** Pages speak of features, not of a driver's file: what a release has is concluded from them. */
const told = <V>(value: V, source: string): Field<V> => ({ value, basis: 'inferred', source })

/** What a system of this version does with its adapter, whose driver is of the system itself or of a package of this host. */
export const networkOf = (
  os: Build,
  driversOf?: IntegrationServices['host'],
): Pick<Evidenced<WindowsCapabilities>, 'rss' | 'rsc' | 'vf'> => ({
  rss: told(
    isSince(os, WINDOWS_8_1) || (isSince(os, WINDOWS_8) && driversOf === 'ws2012r2'),
    'Virtual Receive Side Scaling (learn.microsoft.com, 2018-09-05), compatibility: Windows 8.1, and 8 with the components of Windows Server 2012 R2',
  ),
  rsc: told(
    isSince(os, OCTOBER_2018),
    'RSC in the vSwitch (learn.microsoft.com): of Windows Server 2019 and the Windows 10 October 2018 Update, for adapters of guests',
  ),
  vf: told(
    isSince(os, WINDOWS_8) ? 'transparent' : 'none',
    "Hyper-V SR-IOV overview (TechNet wiki 9296, J. Howard's series): of Windows Server 2012, with NVSP 4, whose messages tell of a function",
  ),
})
