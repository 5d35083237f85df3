/** A FreeBSD release: 13.2 of `13.2-RELEASE-p4`. */
export interface FreebsdRelease {
  readonly major: number
  readonly minor: number
}

/** Thrown for a text that does not begin with a release. */
export class FreebsdReleaseError extends Error {
  readonly code = 'VMBUS_FREEBSD_RELEASE'
}

export function freebsdRelease(text: string): FreebsdRelease {
  const match = /^(\d+)\.(\d+)/.exec(text)
  if (match === null)
    throw new FreebsdReleaseError(`not a FreeBSD release: ${JSON.stringify(text)} (such as 13.0 or 14.1-RELEASE)`)
  return { major: Number(match[1]), minor: Number(match[2]) }
}

export function atLeast(release: FreebsdRelease, major: number, minor: number): boolean {
  return release.major === major ? release.minor >= minor : release.major > major
}
