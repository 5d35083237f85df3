/** A kernel version as numbers: 6.1 of `6.1.0-50-686-pae`, 4.18 of `4.18.0-394.el8`. */
export interface KernelVersion {
  readonly major: number
  readonly minor: number
  readonly patch: number
}

/** Thrown for a text that does not begin with a kernel version. */
export class KernelVersionError extends Error {
  readonly code = 'VMBUS_KERNEL_VERSION'
}

export function kernelVersion(text: string): KernelVersion {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text)
  if (match === null)
    throw new KernelVersionError(`not a kernel version: ${JSON.stringify(text)} (such as 6.1 or 5.10.0-32-686)`)
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3] ?? 0) }
}

export function atLeast(version: KernelVersion, since: KernelVersion): boolean {
  if (version.major !== since.major) return version.major > since.major
  if (version.minor !== since.minor) return version.minor > since.minor
  return version.patch >= since.patch
}

/** LINUX_VERSION_CODE, which Linux writes into the guest OS id. Patch levels above 255 count as 255 (since 4.14.222). */
export const versionCode = (version: KernelVersion): number =>
  (version.major << 16) | (version.minor << 8) | Math.min(version.patch, 255)
