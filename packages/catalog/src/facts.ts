import gridsFile from '../data/grids.json' with { type: 'json' }
import hostsFile from '../data/hosts.json' with { type: 'json' }
import kernelsFile from '../data/kernels.json' with { type: 'json' }
import osReleasesFile from '../data/os-releases.json' with { type: 'json' }
import otherFile from '../data/other.json' with { type: 'json' }
import releasesFile from '../data/releases.json' with { type: 'json' }
import { checkCatalogFile } from './check.ts'
import { once } from './once.ts'
import type { CatalogData, HostBuild, Release, UnlistedGuest } from './schema.ts'

/** The published grids of check marks, newest table first where tables overlap. */
export const grids: () => CatalogData['grids'] = once(() => checkCatalogFile('grids', gridsFile))
const hosts = once(() => checkCatalogFile('hosts', hostsFile))
const releasesData = once(() => checkCatalogFile('releases', releasesFile))

/** When upstream introduced what, and what LIS packages speak. */
export const kernels: () => CatalogData['kernels'] = once(() => checkCatalogFile('kernels', kernelsFile))
/** What each FreeBSD and Windows release tries. */
export const osReleases: () => CatalogData['os-releases'] = once(() => checkCatalogFile('os-releases', osReleasesFile))
/** LIS packages, install rules and early hosts. */
export const other: () => CatalogData['other'] = once(() => checkCatalogFile('other', otherFile))

/** Builds of Hyper-V, oldest first. */
export const hostBuilds = (): readonly HostBuild[] => hosts().hosts

/** Every distribution release by every way to get drivers for it. */
export const releases = (): readonly Release[] => releasesData().releases

/** Guests that no page has a grid of. */
export const unlistedGuests = (): readonly UnlistedGuest[] => releasesData().unlisted
