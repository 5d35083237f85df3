import { valuesOf, type Evidenced } from '@vmbus/world'
import { WindowsError } from '../errors.ts'
import { newest } from './newest.ts'
import { WINDOWS_RELEASES } from './table.ts'
import type { NewestVersions, WindowsRelease } from './types.ts'

/** A build of the package of Integration Services, on vmguest.iso of a host. */
export interface IntegrationServices {
  /** The host that has it. */
  readonly host: 'ws2008' | 'ws2008r2' | 'ws2012' | 'ws2012r2'
  readonly build: string
  /** What brought it; undefined: not known, or the release itself. */
  readonly with: string | undefined
}

const builds = (
  host: IntegrationServices['host'],
  ...list: readonly (readonly [build: string, update?: string])[]
): IntegrationServices[] => list.map(([build, update]) => ({ host, build, with: update }))

/**
 * Every build, oldest first. From lists that communities keep and scripts that compare with them, so all of it is inferred
 * but for 6.3.9600.18080 and .18907, which Microsoft's page on what Azure asks of guests names.
 */
export const INTEGRATION_SERVICES: readonly IntegrationServices[] = [
  ...builds(
    'ws2008',
    ['6.0.6001.17101'],
    ['6.0.6001.18016', 'KB950050'],
    ['6.0.6001.22258', 'KB956710'],
    ['6.0.6001.22352', 'KB959962'],
    ['6.0.6002.18005', 'SP2'],
    ['6.0.6002.22233', 'KB975925'],
  ),
  ...builds(
    'ws2008r2',
    ['6.1.7600.16385'],
    ['6.1.7600.20542', 'KB975354'],
    ['6.1.7600.20683', 'KB981836'],
    ['6.1.7600.20778', 'KB2223005'],
    ['6.1.7601.17514', 'SP1'],
  ),
  ...builds(
    'ws2012',
    ['6.2.9200.16384'],
    ['6.2.9200.16433', 'KB2770917'],
    ['6.2.9200.20655', 'KB2823956'],
    ['6.2.9200.21885', 'KB3161609'],
  ),
  ...builds(
    'ws2012r2',
    ['6.3.9600.16384'],
    ['6.3.9600.17415'],
    ['6.3.9600.17831'],
    ['6.3.9600.18080', 'KB3063109'],
    ['6.3.9600.18339'],
    ['6.3.9600.18398'],
    ['6.3.9600.18692'],
    ['6.3.9600.18907', 'KB4072650'],
    ['6.3.9600.19456', 'KB4072650'],
  ),
]

/** The last that was made for the releases that have nothing of their own. */
const LAST = '6.3.9600.16384'

/** The build that a release has: the one asked for, or the last where nothing is built in; undefined: its own drivers. */
export function packageOf(release: WindowsRelease, build?: string): IntegrationServices | undefined {
  const wanted = build ?? (release.newest === undefined ? LAST : undefined)
  if (wanted === undefined) return undefined
  const found = INTEGRATION_SERVICES.find((each) => each.build === wanted)
  if (release.package === undefined || found === undefined)
    throw new WindowsError('VMBUS_WINDOWS_PACKAGE', `${release.name} takes no package ${wanted}`)
  return found
}

/** What a release speaks with a package: the versions of the package's own release, as far as its kernel can. */
export function newestWith(release: WindowsRelease, services: IntegrationServices): Evidenced<NewestVersions> {
  const { build, host } = services
  const from = WINDOWS_RELEASES.find(({ id }) => id === host)?.newest
  if (from === undefined) throw new WindowsError('VMBUS_WINDOWS_PACKAGE', `nothing is known of ${build}`)
  const values = valuesOf(from)
  const [balloon, source] = memoryOf(release, build, values)
  // Keyboard and vPCI need a kernel that has them: before Windows 8 there is the emulated keyboard, and nothing.
  const kernel = { keyboard: release.newest?.keyboard.value, vpci: release.newest?.vpci.value }
  return newest({ ...values, ...kernel, balloon }, `package ${build}: the versions of its own release`, {
    keyboard: ['inferred', "the kernel's own"],
    vpci: ['inferred', "the kernel's own"],
    balloon: ['inferred', source],
  })
}

/** Dynamic memory came with the package of 2008 R2 SP1, and never to Windows XP. */
function memoryOf(
  { id }: WindowsRelease,
  build: string,
  { balloon }: NewestVersions,
): [newest: string | undefined, source: string] {
  if (id === 'winxp') return [undefined, 'lists of guests with dynamic memory never name Windows XP']
  const isBefore = build.startsWith('6.0.') || build.startsWith('6.1.7600.')
  return [isBefore ? undefined : balloon, 'dynamic memory begins with package 6.1.7601']
}
