import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MachineError, abortedBy, reasonOf } from '../errors.ts'

/** Debian releases whose 32-bit kernels boot here, by codename. */
export const Release = { 'debian-11': 'bullseye', 'debian-12': 'bookworm' } as const
export type ReleaseName = keyof typeof Release

/** One way to a release's packages: lines of a sources.list without their signature option. */
export interface AptSource {
  readonly name: string
  readonly lines: readonly string[]
}

/**
 * Ways to a release on the mirrors that the machine's own apt reaches (their addresses, as `machineMirrors` gives them),
 * to try in turn: with security updates, and without, since a mirror may list updates that it no longer carries.
 */
export function aptSources(release: ReleaseName, mirrors: readonly string[]): AptSource[] {
  const codename = Release[release]
  const plain = mirrors.map((mirror) => mirror.replace(/\/+$/, ''))
  const security = plain.filter((mirror) => mirror.endsWith('-security'))
  return plain
    .filter((mirror) => !mirror.endsWith('-security'))
    .flatMap((mirror) => {
      const main = `${mirror} ${codename} main`
      const { host } = new URL(mirror)
      return [
        ...security.map((updates) => ({
          name: `${host}-security`,
          lines: [main, `${updates} ${codename}-security main`],
        })),
        { name: host, lines: [main] },
      ]
    })
}

/** The addresses of the Debian mirrors in this machine's apt configuration. */
export async function machineMirrors(signal?: AbortSignal): Promise<string[]> {
  const answer = await runApt('apt-get', ['indextargets', '--format', '$(REPO_URI)'], undefined, signal)
  const mirrors = [
    ...new Set(answer.split('\n').filter((line) => /^https?:\/\/.*\/debian(?:-security)?\/*$/.test(line))),
  ]
  if (mirrors.length > 0) return mirrors
  throw new MachineError(
    'VMBUS_IMAGE_UNAVAILABLE',
    "this machine's apt names no Debian mirror; give a .deb, or a kernel and initrd, or set VMBUS_IMAGES",
  )
}

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const DAY = 24 * 3600 * 1000

interface AptPackage {
  readonly name: string
  readonly file: string
  readonly url: string
}

/** apt with a configuration, state and cache of its own for i386: nothing of the machine's apt is read or changed. */
export interface Apt {
  /** The package that a kernel flavour's meta package points at, as `linux-image-6.1.0-47-686`. */
  kernelPackage(flavour: string): Promise<string>
  /** The packages and all that they depend on (without recommendations), with addresses. */
  closure(packages: readonly string[]): Promise<AptPackage[]>
  /** Downloads single packages, verified by apt against its signed index, into `folder`. */
  download(packages: readonly string[], folder: string): Promise<void>
}

export async function privateApt(
  folder: string,
  release: ReleaseName,
  source: AptSource,
  signal?: AbortSignal,
): Promise<Apt> {
  const root = join(folder, 'apt', release, source.name)
  const list = join(root, 'sources.list')
  await Promise.all(
    ['state/lists/partial', 'cache/archives/partial', 'etc/preferences.d'].map((path) =>
      mkdir(join(root, path), { recursive: true }),
    ),
  )
  const options = [
    `Dir::State=${root}/state`,
    `Dir::State::status=/dev/null`,
    `Dir::Cache=${root}/cache`,
    `Dir::Etc=${root}/etc`,
    `Dir::Etc::sourcelist=${list}`,
    `Dir::Etc::sourceparts=-`,
    'APT::Architecture=i386',
    'APT::Architectures=i386',
    'Acquire::Languages=none',
    'Acquire::Retries=2',
    ...(existsSync(KEYRING) ? [] : ['Dir::Etc::trustedparts=/etc/apt/trusted.gpg.d']),
    ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []),
  ].flatMap((option) => ['-o', option])
  const run = (command: string, args: readonly string[], cwd?: string): Promise<string> =>
    runApt(command, [...options, ...args], cwd, signal)

  await refresh(root, list, release, source, run)
  return {
    async kernelPackage(flavour) {
      const answer = await run('apt-cache', ['depends', '--no-recommends', '--no-suggests', `linux-image-${flavour}`])
      const name = /Depends: (linux-image-\S+)/.exec(answer)?.[1]
      if (name === undefined)
        throw new MachineError('VMBUS_IMAGE_UNAVAILABLE', `${release} has no kernel of flavour ${flavour}`, {
          release,
          flavour,
        })
      return name
    },
    async closure(packages) {
      const answer = await run('apt-get', ['install', '--print-uris', '--yes', '--no-install-recommends', ...packages])
      return [...answer.matchAll(/^'([^']+)' (\S+_\S+\.deb) /gm)].map(([, url = '', file = '']) => ({
        name: file.split('_')[0] ?? '',
        file,
        url,
      }))
    },
    async download(packages, into) {
      await mkdir(into, { recursive: true })
      await run('apt-get', ['download', ...packages], into)
    },
  }
}

/** Fetches the indexes, at most once a day. */
async function refresh(
  root: string,
  list: string,
  release: ReleaseName,
  source: AptSource,
  run: (command: string, args: readonly string[]) => Promise<string>,
): Promise<void> {
  const stamp = join(root, 'refreshed')
  const age = await stat(stamp).then(
    (s) => Date.now() - s.mtimeMs,
    () => Infinity,
  )
  if (age < DAY) return
  const option = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : ''
  await writeFile(list, source.lines.map((line) => `deb ${option}${line}\n`).join(''))
  // A part of the indexes may be missing (a mirror being synchronised): what counts is whether a kernel is listed.
  const failure = await run('apt-get', ['update']).then(() => 'its index is empty', reasonOf)
  const names = await run('apt-cache', ['search', '--names-only', '^linux-image-686$']).catch(() => '')
  if (!names.includes('linux-image-686')) {
    throw new MachineError(
      'VMBUS_IMAGE_UNAVAILABLE',
      `apt gets no ${release} packages for i386 from ${source.name}: ${failure}`,
      { release, source: source.name },
    )
  }
  await writeFile(stamp, '')
}

function runApt(
  command: string,
  args: readonly string[],
  cwd: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, LC_ALL: 'C' },
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { signal }),
    }
    execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      if (signal?.aborted === true) return reject(abortedBy(signal))
      const missing = error.code === 'ENOENT'
      const why = missing
        ? 'is not on this machine; give a .deb, or a kernel and initrd, or set VMBUS_IMAGES'
        : stderr.trim().split('\n').at(-1) || error.message
      reject(new MachineError('VMBUS_IMAGE_UNAVAILABLE', `${command} ${why}`, { command }, error))
    })
  })
}
