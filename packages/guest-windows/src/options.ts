import type { GuestDriverSpec } from '@vmbus/core'
import { instance, integer, list, object, oneOf, optional, text, type Shape } from '@vmbus/world'
import { SERVICE_NAMES, type ServiceName, type ServiceSetting } from './services/controller.ts'
import { writerOptions, type WriterOptions } from './services/writers.ts'

export type ServiceSettings = Partial<Readonly<Record<ServiceName, ServiceSetting>>>

export interface WindowsOptions {
  /** Generation of the virtual machine; 2 begins with the firmware. Default 1 where the release runs in it. */
  readonly generation?: 1 | 2
  /** Build of a package of Integration Services that was put in, of `INTEGRATION_SERVICES`. */
  readonly package?: string
  /** Services that do not run from the start; default all do. */
  readonly services?: ServiceSettings
  /** What VSS has to bring to rest; default four of the system's own. */
  readonly writers?: readonly WriterOptions[]
  /** Default `WINDOWS`. */
  readonly computerName?: string
  /** Default none. */
  readonly domain?: string
  /** Default `amd64`. */
  readonly architecture?: 'amd64' | 'x86'
  /** Bytes of the buffers of a network adapter; no public source says what netvsc.sys takes. Default 2 MiB and 1 MiB. */
  readonly receiveBufferBytes?: number
  readonly sendBufferBytes?: number
  /** Drivers of your own, loaded last. */
  readonly drivers?: readonly GuestDriverSpec[]
}

const setting = optional(oneOf('running', 'stopped', 'disabled'))

export const windowsOptions: Shape<WindowsOptions> = object<WindowsOptions>({
  generation: optional(oneOf(1, 2)),
  package: optional(text),
  services: optional(
    object<ServiceSettings>({
      vmicheartbeat: setting,
      vmickvpexchange: setting,
      vmicshutdown: setting,
      vmictimesync: setting,
      vmicvss: setting,
      vmicguestinterface: setting,
    }),
  ),
  writers: optional(list(writerOptions)),
  computerName: optional(text),
  domain: optional(text),
  architecture: optional(oneOf('amd64', 'x86')),
  receiveBufferBytes: optional(integer(1)),
  sendBufferBytes: optional(integer(1)),
  drivers: optional(list(instance<GuestDriverSpec>())),
})

/** Services that a release has: those whose component it speaks. */
export const servicesOf = (has: { readonly vss: unknown; readonly fcopy: unknown }): readonly ServiceName[] =>
  SERVICE_NAMES.filter(
    (name) =>
      (name !== 'vmicvss' || has.vss !== undefined) && (name !== 'vmicguestinterface' || has.fcopy !== undefined),
  )
