/** What `uname` and the resolver of a simulated system say. */
export interface SystemIdentity {
  /** `uname -r`: the version that the kernel was asked for by, such as `6.1.0-50-686-pae`. */
  readonly release: string
  /** `uname -m`. */
  readonly machine: string
  /** The name that the system has for itself, as the resolver completes it; undefined when there is no answer. */
  readonly domainName: string | undefined
}

/** Flavours of Debian's kernels that are not for x86-64. */
const MACHINES: readonly (readonly [flavour: RegExp, machine: string])[] = [
  [/-686(?:-pae)?$/, 'i686'],
  [/-arm64$/, 'aarch64'],
]

export const machineOf = (release: string): string =>
  MACHINES.find(([flavour]) => flavour.test(release))?.[1] ?? 'x86_64'

/**
 * NAME and VERSION_ID of /etc/os-release, read as the key-value daemon does (tools/hv/hv_kvp_daemon.c, kvp_get_os_info):
 * quotes are left out wherever they stand, a backslash keeps what follows it.
 */
export function osRelease(text: string): { readonly name?: string; readonly version?: string } {
  const values = new Map<string, string>()
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=')
    if (line.startsWith('#') || equals < 0) continue
    values.set(line.slice(0, equals), line.slice(equals + 1).replaceAll(/\\(.)|["']/g, '$1'))
  }
  const [name, version] = [values.get('NAME'), values.get('VERSION_ID')]
  return { ...(name === undefined ? {} : { name }), ...(version === undefined ? {} : { version }) }
}
