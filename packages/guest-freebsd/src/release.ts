/** A FreeBSD release: 13.2 of `13.2-RELEASE-p4`, or 9.3 with the drivers of the port of `freebsd 9.3 + port`. */
export interface FreebsdRelease {
  readonly major: number
  readonly minor: number
  /** The port emulators/hyperv-is is installed. */
  readonly port: boolean
}

/** Thrown for a text that is no release, and for a release without drivers for Hyper-V. */
export class FreebsdReleaseError extends Error {
  readonly code = 'VMBUS_FREEBSD_RELEASE'
}

const FORM = /^\s*(?:freebsd[\s-]*)?(\d+)\.(\d+)(?:-[\w.]+)*\s*(?:(?:\+|with|-)?\s*(port|ports|bis))?\s*$/i

/** The release of a text such as `14.1`, `FreeBSD 10.4-RELEASE-p3` or `9.3 + port`; undefined when it is none. */
export function parseRelease(text: string): FreebsdRelease | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  return { major: Number(match[1]), minor: Number(match[2]), port: match[3] !== undefined }
}

/** `9.3 + port`. */
export const releaseKey = ({ major, minor, port }: FreebsdRelease): string =>
  `${major}.${minor}${port ? ' + port' : ''}`

/** `__FreeBSD_version` of releases that begin a branch; the others are at a round number (FreeBSD Porter's Handbook). */
const FIRST_OF_BRANCH: Readonly<Record<number, number>> = {
  10: 1_000_510,
  11: 1_100_122,
  12: 1_200_086,
  13: 1_300_139,
  14: 1_400_097,
  15: 1_500_068,
}

export const osVersion = ({ major, minor }: FreebsdRelease): number =>
  (minor === 0 ? FIRST_OF_BRANCH[major] : undefined) ?? major * 100_000 + minor * 1000
