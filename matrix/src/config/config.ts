import type { Capabilities as FreebsdCapabilities } from '@vmbus/guest-freebsd'
import type { Capabilities as LinuxCapabilities } from '@vmbus/guest-linux'
import type { WindowsCapabilities } from '@vmbus/guest-windows'
import type { HostFacts, HostFeature } from '@vmbus/host'
import type { OwnName } from '@vmbus/report'
import type { Evidenced, Field } from '@vmbus/world'
import type { DriverOf } from '../guests/own.ts'
import type { OwnDevice } from '../probes/ends.ts'
import type { Probe } from '../probes/probe.ts'

/** Fields of a user's own, each with how its value is known. */
export type OwnFields = Readonly<Record<OwnName, Field<unknown>>>

/** A host of a user's own: what it has otherwise than one of ours. */
export interface OwnHost {
  readonly id: string
  readonly name: string
  /** Id of a host of ours, such as `ws2022`. What is not named below is inferred of it. */
  readonly like: string
  /** Facts of the build, features such as `trim`, and own fields. */
  readonly fields?: Partial<Evidenced<HostFacts>> &
    Partial<Readonly<Record<HostFeature, Field<boolean>>>> & { readonly [own: OwnName]: Field<unknown> }
}

/** A guest of a user's own: what it has otherwise than a release of ours. */
export interface OwnGuest {
  /** Its family first: `toyos 1.0`. */
  readonly name: string
  /** A release of ours, such as `debian 12`. What is not named below is inferred of it. */
  readonly like: string
  /** Version of its kernel, which decides the quirks of a Linux guest; default that of the release. */
  readonly kernel?: string
  /** Capabilities of the release's family, and own fields. */
  readonly fields?: Partial<
    Evidenced<LinuxCapabilities> | Evidenced<FreebsdCapabilities> | Evidenced<WindowsCapabilities>
  > & { readonly [own: OwnName]: Field<unknown> }
  /** Drivers by the field that they belong to, instead of those of the devices or of the family. */
  readonly drivers?: Readonly<Record<string, DriverOf>>
}

/** A feature that no page has. */
export interface OwnFeature {
  readonly id: OwnName
  readonly name: string
  /** Features that stand together; those of the pages are `core`, `networking`, `storage`, `memory`, `video`, `misc`, `gen2`. */
  readonly group: string
}

/** What a user has beside what this package knows: the default export of `vmbus.config.ts`. */
export interface VmbusConfig {
  /** The own fields, and what the guests and the hosts have of them that say nothing of their own. */
  readonly fields?: { readonly guest?: OwnFields; readonly host?: OwnFields }
  /** Each has a field of its id, of guests and of hosts. */
  readonly devices?: readonly OwnDevice[]
  readonly hosts?: readonly OwnHost[]
  readonly guests?: readonly OwnGuest[]
  readonly features?: readonly OwnFeature[]
  /** Of own features, or of those of the pages. */
  readonly probes?: readonly Probe[]
}

/** Gives a configuration back as it is: its types are looked at where it is written. */
export const defineConfig = (config: VmbusConfig): VmbusConfig => config
