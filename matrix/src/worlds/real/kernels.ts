import {
  loadEmulator,
  modulePath,
  prepareImage,
  type ImageOptions,
  type PreparedImage,
  type ReleaseName,
} from '@vmbus/machine-v86'

/**
 * Releases of the catalog whose own kernel boots here. It is the package of 32 bits; the release's other architectures are
 * built of the same sources with the same drivers.
 */
const KERNELS: Readonly<Record<string, ReleaseName>> = { 'debian 11': 'debian-11', 'debian 12': 'debian-12' }

/** What stands in every guest: Debian's drivers, its daemons of Hyper-V, and the tools with which it is asked. */
const IMAGE = {
  modules: ['hv_vmbus', 'hv_utils', 'hv_netvsc', 'hv_storvsc', 'hv_balloon', 'sd_mod', '8021q', 'ext4'],
  packages: ['hyperv-daemons', 'e2fsprogs', 'ethtool', 'perl-base'],
} as const satisfies ImageOptions

/** Everything but the drivers of the bus is loaded before the snapshot, which many probes go on from. */
const ofBus = (module: string): boolean => module.startsWith('hv_')

const loads = (modules: readonly string[]): string =>
  modules.map((name) => `insmod ${modulePath(name)} 2>/dev/null`).join('\n')

/** One that needs a processor of another kind, such as crc32c_intel, is left out by the kernel. */
export const prepareScript = ({ modules }: PreparedImage): string =>
  `${loads(modules.filter((module) => !ofBus(module)))}
mkdir -p /var/lib/hyperv /mnt`

type Preparing = Pick<ImageOptions, 'signal' | 'onProgress'>

const prepared = (release: ReleaseName, options: Preparing = {}): Promise<PreparedImage> =>
  prepareImage({ release, flavour: '686' }, { ...IMAGE, ...options })

/**
 * Fetches and unpacks the kernels of those of the releases that have one here, and makes sure that they can be run: their names
 * by release. Rejects with MachineError (VMBUS_V86_MISSING, VMBUS_IMAGE_…).
 */
export async function prepareKernels(
  releases: readonly string[],
  options: Preparing = {},
): Promise<Readonly<Record<string, string>>> {
  await loadEmulator()
  const names: Record<string, string> = {}
  for (const release of releases) {
    const own = KERNELS[release]
    if (own !== undefined) names[release] = (await prepared(own, options)).name
  }
  return names
}

/** A kernel of `prepareKernels`, out of the cache. Rejects when it is another one by now. */
export async function kernelNamed(name: string): Promise<PreparedImage> {
  const release = Object.values(KERNELS).find((each) => name.startsWith(`${each}/`))
  if (release === undefined) throw new Error(`a kernel of another version of this package: ${name}`)
  const image = await prepared(release)
  if (image.name !== name) throw new Error(`the kernel of ${release} is ${image.name} by now, not ${name}`)
  return image
}
