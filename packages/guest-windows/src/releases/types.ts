import type { VmbusVersion } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'
import type { Evidenced } from '@vmbus/world'

/** Releases by their short names. */
export type WindowsId =
  | 'winxp'
  | 'ws2003'
  | 'ws2003r2'
  | 'vista'
  | 'ws2008'
  | 'win7'
  | 'ws2008r2'
  | 'win8'
  | 'ws2012'
  | 'win81'
  | 'ws2012r2'
  | 'win10-1507'
  | 'win10-1511'
  | 'win10-1607'
  | 'ws2016'
  | 'win10-1703'
  | 'win10-1709'
  | 'win10-1803'
  | 'win10-1809'
  | 'ws2019'
  | 'win10-1903'
  | 'win10-1909'
  | 'win10-2004'
  | 'win10-22h2'
  | 'ws2022'
  | 'win11-21h2'
  | 'win11-22h2'
  | 'win11-23h2'
  | 'win11-24h2'
  | 'win11-25h2'
  | 'ws2025'

/** A version as `5.3`; undefined: the release has nothing of the kind, or what it has is not known. */
type Newest = string | undefined

/** The newest version of each protocol that a release asks for. */
export interface NewestVersions {
  readonly vmbus: string
  /** NVSP by its number: `6.1` is 0x60001. */
  readonly netvsc: string
  readonly storvsc: string
  readonly video: Newest
  readonly keyboard: Newest
  /** Mouse. */
  readonly hid: Newest
  readonly vpci: Newest
  readonly heartbeat: string
  readonly shutdown: string
  readonly timesync: string
  readonly kvp: string
  readonly vss: Newest
  readonly fcopy: Newest
  /** Dynamic memory. */
  readonly balloon: Newest
}

/** Which of the packages of vmguest.iso fits: the name of its file has it. */
export type PackageFamily = '5.x' | '6.0' | '6.1' | '6.2'

/** One release of Windows as a guest. */
export interface WindowsRelease {
  readonly id: WindowsId
  /** `Windows Server 2022`. */
  readonly name: string
  /** Major, minor and build of the operating system. */
  readonly os: readonly [major: number, minor: number, build: number]
  readonly isServer: boolean
  /** Generations of virtual machine that it runs in, first the one to take without a wish. */
  readonly generations: readonly (1 | 2)[]
  /** The package of Integration Services that can be put in; undefined: its drivers come with it, and with its updates. */
  readonly package: PackageFamily | undefined
  /** Built in; undefined: nothing is, a package brings all. */
  readonly newest: Evidenced<NewestVersions> | undefined
}

/** What the drivers of a release try, newest first; undefined: there is no driver, or nothing is known of it. */
export interface WindowsCapabilities {
  readonly vmbus: readonly VmbusVersion[]
  /** NVSP words, VSTOR words, dynamic memory words. */
  readonly netvsc: readonly number[]
  readonly storvsc: readonly number[]
  readonly balloon: readonly number[] | undefined
  readonly heartbeat: IcVersions
  readonly shutdown: IcVersions
  readonly timesync: IcVersions
  readonly kvp: IcVersions
  readonly vss: IcVersions | undefined
  readonly fcopy: IcVersions | undefined
  /** netvsc.sys takes the table by which flows are spread over channels. */
  readonly rss: boolean
  /** It takes segments that the host has joined. */
  readonly rsc: boolean
  /** It goes over to a virtual function by itself. */
  readonly vf: 'none' | 'transparent'
  /** Newest versions of devices that nothing here drives. */
  readonly video: string | undefined
  readonly keyboard: string | undefined
  readonly hid: string | undefined
  readonly vpci: string | undefined
}
