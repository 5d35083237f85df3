import { readFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { MachineError, throwIfAborted } from '../errors.ts'
import { Release, aptSources, machineMirrors, privateApt, type Apt, type ReleaseName } from './apt.ts'
import { partialName, readImageFile, sha256, writeWhole } from './cache.ts'
import { withLock } from './lock.ts'

export type Flavour = '686' | '686-pae' | 'rt-686-pae'

export interface PackageRequest {
  readonly release: ReleaseName
  readonly flavour: Flavour
  /** Debian packages for the initial RAM disk, beside busybox-static. */
  readonly packages: readonly string[]
  readonly cacheFolder: string
  /** Read from here and never run apt: a copy of a cache folder (VMBUS_IMAGES). */
  readonly offlineFolder?: string
  readonly signal?: AbortSignal
  onProgress?(text: string): void
}

/** A package file whose bytes have the digest that was recorded when apt verified it. */
interface PackageFile {
  readonly package: string
  readonly file: string
  readonly sha256: string
}

/** What a release, flavour and list of packages came to; kept, so that later runs use the very same files. */
interface PackageSet {
  readonly version: 1
  readonly kernel: PackageFile
  readonly userland: readonly PackageFile[]
}

export interface ResolvedPackages {
  readonly kernel: PackageFile
  readonly userland: readonly PackageFile[]
  /** Reads a package file and checks its digest. */
  read(file: PackageFile): Promise<Uint8Array>
}

/** busybox-static needs no library, so userland without further packages is one file. */
const ALWAYS = ['busybox-static']
/** With further packages comes a shell that looks for programs in PATH: busybox's own prefers its applets. */
const WITH_PACKAGES = ['dash']

/**
 * Packages that others depend on for their installation scripts alone, which never run here. A request that names one
 * gets it.
 */
const INSTALLATION_ONLY =
  /^(?:perl(?:-.*)?|lib.*-perl|libperl.*|libgdbm.*|dpkg|tar|debconf|usrmerge|init-system-helpers|lsb-base|sysvinit-utils|gcc-\d+-base)$/

export async function resolvePackages(request: PackageRequest): Promise<ResolvedPackages> {
  const { release, flavour, cacheFolder, offlineFolder } = request
  if (!(release in Release)) {
    throw new MachineError(
      'VMBUS_IMAGE_UNAVAILABLE',
      `unknown release ${release}; known: ${Object.keys(Release).join(', ')}`,
      { release },
    )
  }
  const packages = [
    ...new Set([...ALWAYS, ...(request.packages.length > 0 ? WITH_PACKAGES : []), ...request.packages]),
  ].sort()
  const name = `${release}-${flavour}-${sha256(packages.join(' ')).slice(0, 12)}.json`
  const folder = offlineFolder ?? cacheFolder
  const known = await readSet(join(folder, 'sets', name), offlineFolder !== undefined)
  if (known !== undefined) return resolved(folder, known)
  if (offlineFolder !== undefined) {
    throw new MachineError(
      'VMBUS_IMAGE_UNAVAILABLE',
      `${offlineFolder} has no set for ${release} ${flavour} with ${packages.join(', ')}`,
      { folder: offlineFolder, set: name },
    )
  }
  const made = await withLock(
    join(cacheFolder, 'fetching'),
    async () => (await readSet(join(cacheFolder, 'sets', name), false)) ?? fetchSet(request, packages, name),
    {
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      waiting: (holder) => request.onProgress?.(`waiting for ${holder}, which fetches packages`),
    },
  )
  return resolved(cacheFolder, made)
}

function resolved(folder: string, set: PackageSet): ResolvedPackages {
  return {
    kernel: set.kernel,
    userland: set.userland,
    async read(file) {
      const path = join(folder, 'debs', file.file)
      const bytes = await readImageFile(path)
      const digest = sha256(bytes)
      if (digest !== file.sha256) {
        throw new MachineError(
          'VMBUS_IMAGE_DIGEST',
          `${path} has changed since it was downloaded; remove it and its set`,
          { path, expected: file.sha256, actual: digest },
        )
      }
      return bytes
    },
  }
}

function isPackageFile(value: unknown): value is PackageFile {
  if (typeof value !== 'object' || value === null) return false
  const { package: name, file, sha256: digest } = value as Readonly<Record<string, unknown>>
  // A file of the folder itself: a set names nothing elsewhere.
  return typeof name === 'string' && typeof digest === 'string' && typeof file === 'string' && basename(file) === file
}

/** Undefined when there is none. One that means nothing is as good as none where it can be made again. */
async function readSet(path: string, isLast: boolean): Promise<PackageSet | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const { version, kernel, userland } = JSON.parse(text) as Readonly<Record<string, unknown>>
    if (version === 1 && isPackageFile(kernel) && Array.isArray(userland) && userland.every(isPackageFile))
      return { version: 1, kernel, userland }
  } catch {
    // No JSON.
  }
  if (!isLast) return undefined
  throw new MachineError('VMBUS_IMAGE_FORMAT', `${path} is not a package set; remove it`, { path })
}

/** Tries the ways to a release in turn; what the first one said is the error. */
async function fetchSet(request: PackageRequest, packages: readonly string[], name: string): Promise<PackageSet> {
  let failure: unknown
  for (const source of aptSources(request.release, await machineMirrors(request.signal))) {
    try {
      request.onProgress?.(`fetching packages of ${request.release} from ${source.name}`)
      const apt = await privateApt(request.cacheFolder, request.release, source, request.signal)
      return await fetchFrom(apt, request, packages, name)
    } catch (error) {
      throwIfAborted(request.signal)
      failure ??= error
    }
  }
  throw failure
}

async function fetchFrom(
  apt: Apt,
  { flavour, cacheFolder, onProgress }: PackageRequest,
  packages: readonly string[],
  name: string,
): Promise<PackageSet> {
  const debs = join(cacheFolder, 'debs')
  const kernelName = await apt.kernelPackage(flavour)
  const closure = (await apt.closure(packages)).filter(
    ({ name: each }) => packages.includes(each) || !INSTALLATION_ONLY.test(each),
  )
  const kernelFile = (await apt.closure([kernelName])).find(({ name: each }) => each === kernelName)
  if (kernelFile === undefined)
    throw new MachineError('VMBUS_IMAGE_UNAVAILABLE', `apt names no file for ${kernelName}`, { package: kernelName })
  const wanted = [kernelFile, ...closure]
  onProgress?.(`downloading ${wanted.length} packages`)
  const incoming = join(debs, partialName())
  const take = async (each: { name: string; file: string }): Promise<PackageFile> => {
    const bytes = await readImageFile(join(incoming, each.file))
    await writeWhole(join(debs, each.file), bytes)
    return { package: each.name, file: each.file, sha256: sha256(bytes) }
  }
  try {
    await apt.download(
      wanted.map(({ name: each }) => each),
      incoming,
    )
    return await keepSet(cacheFolder, name, await take(kernelFile), await Promise.all(closure.map(take)))
  } finally {
    await rm(incoming, { recursive: true, force: true })
  }
}

async function keepSet(
  cacheFolder: string,
  name: string,
  kernel: PackageFile,
  userland: readonly PackageFile[],
): Promise<PackageSet> {
  const set: PackageSet = { version: 1, kernel, userland }
  await writeWhole(join(cacheFolder, 'sets', name), `${JSON.stringify(set, undefined, 2)}\n`)
  return set
}
