import {
  defineDevice,
  type Device,
  type DeviceTrace,
  type GuestDriver,
  type GuestDriverDeps,
  type HostDevice,
  type HostDeviceDeps,
} from '@vmbus/core'
import { checkOptions, type Shape } from '@vmbus/world'
import type { IcVersions } from './negotiate.ts'
import { PIPE_MODE_FLAG, pipeUserData } from './protocol.ts'
import { icText } from './trace.ts'

/** Both ends of one component, as its package declares them. */
export interface IcDefinition<
  HostOptions extends IcHostOptions,
  GuestOptions,
  D extends HostDevice,
  G extends GuestDriver,
> {
  readonly kind: string
  readonly interfaceId: string
  /** Instance GUID of the offer unless the options name another. */
  readonly instanceId: string
  readonly hostOptions: Shape<HostOptions>
  /** The host end; `versions` are the host version's, absent the newest. */
  host(options: HostOptions, deps: HostDeviceDeps, versions: IcVersions | undefined): D
  readonly guestOptions: Shape<GuestOptions>
  guest(options: GuestOptions, deps: GuestDriverDeps): G
  /** Names of what a request's first byte asks for. */
  readonly operations?: Readonly<Record<string, number>>
  /** Fields of a packet that its sender chose. */
  readonly variable?: NonNullable<DeviceTrace['variable']>
}

interface IcHostOptions {
  readonly instanceId?: string
}

/** A device whose channel is a pipe of component messages: what the six small services are. */
export const defineIc = <HostOptions extends IcHostOptions, GuestOptions, D extends HostDevice, G extends GuestDriver>(
  definition: IcDefinition<HostOptions, GuestOptions, D, G>,
): Device<HostOptions, IcVersions, GuestOptions, D, G> =>
  defineDevice({
    kind: definition.kind,
    interfaceIds: [definition.interfaceId],
    offer: (options: HostOptions) => ({
      interfaceId: definition.interfaceId,
      instanceId: checkOptions(definition.kind, definition.hostOptions, options).instanceId ?? definition.instanceId,
      flags: PIPE_MODE_FLAG,
      userDefined: pipeUserData(),
    }),
    host: (options: HostOptions, deps, versions: IcVersions | undefined) => definition.host(options, deps, versions),
    guestOptions: definition.guestOptions,
    guest: (options: GuestOptions, deps) => definition.guest(options, deps),
    trace: {
      payloadText: (payload) => icText(payload, definition.operations),
      ...(definition.variable !== undefined && { variable: definition.variable }),
    },
  })
