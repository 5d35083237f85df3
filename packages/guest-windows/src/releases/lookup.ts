import { WINDOWS_RELEASES } from './table.ts'
import type { WindowsRelease } from './types.ts'

/** One spelling of a name: `Windows Server 2012 R2 SP1`, `server 2012r2` and `ws2012-r2` are `ws2012r2`. */
const plain = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\bmicrosoft\b|\bsp ?\d\b|\bservice pack \d\b/g, '')
    .replaceAll(/[^a-z0-9]/g, '')
    .replace(/^windowsserver|^winserver|^server/, 'ws')
    .replace(/^windows/, 'win')
    .replace(/^winvista/, 'vista')
    .replace(/^xp/, 'winxp')

/** The release of a name such as `Windows Server 2022`, `ws2022` or `windows 10 1607`; undefined for others. */
export function windowsRelease(name: string): WindowsRelease | undefined {
  const wanted = plain(name)
  return WINDOWS_RELEASES.find((release) => plain(release.id) === wanted || plain(release.name) === wanted)
}
