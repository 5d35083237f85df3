import { DmVersion } from '@vmbus/balloon/protocol'
import { ALL_VERSIONS, Version } from '@vmbus/core'
import { icVersion, type IcVersions } from '@vmbus/ic'
import { NvspVersion } from '@vmbus/netvsc/protocol'
import { VstorVersion } from '@vmbus/storvsc/protocol'

type Word<T extends Readonly<Record<string, number>>> = keyof T

/** Newest first, from one version down to another. */
const down = (words: readonly number[], newest: number, oldest: number): number[] =>
  words.filter((each) => each <= newest && each >= oldest).toSorted((a, b) => b - a)

/** VMBus versions of a table of Linux; 4.1 came into it with 5.1 and 5.2, so a table that ends at 5.0 has none. */
export const bus = (newest: Word<typeof Version>, oldest: Word<typeof Version>): number[] =>
  down(ALL_VERSIONS, Version[newest], Version[oldest]).filter(
    (each) => each !== Version.v4_1 || Version[newest] >= Version.v5_1,
  )

export const nvsp = (newest: Word<typeof NvspVersion>): number[] =>
  down(Object.values(NvspVersion), NvspVersion[newest], NvspVersion.v1)

export const vstor = (newest: Word<typeof VstorVersion>, oldest: Word<typeof VstorVersion>): number[] =>
  down(Object.values(VstorVersion), VstorVersion[newest], VstorVersion[oldest])

export const dynamicMemory = (newest: Word<typeof DmVersion>): number[] =>
  down(Object.values(DmVersion), DmVersion[newest], DmVersion.v0_3)

/** Message versions such as `4.0`, newest first, over a framework of 3.0 and 1.0 or of those named. */
export function ic(message: readonly string[], framework: readonly string[] = ['3.0', '1.0']): IcVersions {
  const words = (texts: readonly string[]): number[] =>
    texts.map((text) => {
      const [major = 0, minor = 0] = text.split('.').map(Number)
      return icVersion(major, minor)
    })
  return { framework: words(framework), message: words(message) }
}

export const KVP_4 = ic(['4.0', '3.0', '1.0'])
export const VSS_5 = ic(['5.0'], ['3.0'])
export const FCOPY_1_1 = ic(['1.1'], ['3.0'])
export const TIMESYNC_3 = ic(['3.0', '1.0'])
export const TIMESYNC_4 = ic(['4.0', '3.0', '1.0'])
export const SHUTDOWN_3_2 = ic(['3.2', '3.1', '3.0', '1.0'])
