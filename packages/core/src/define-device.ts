import { checkOptions, type Shape } from '@vmbus/world'
import type { DeviceTrace } from './device-trace.ts'
import type {
  GuestDriver,
  GuestDriverDeps,
  GuestDriverSpec,
  HostDevice,
  HostDeviceDeps,
  HostDeviceSpec,
  OfferParameters,
} from './types.ts'

/** Both ends of one device, as its package declares them. */
export interface DeviceDefinition<HostOptions, Settings, GuestOptions, D extends HostDevice, G extends GuestDriver> {
  readonly kind: string
  /** Every interface class that the driver binds to; the host end offers `offer(options).interfaceId`. */
  readonly interfaceIds: readonly string[]
  offer(options: HostOptions): OfferParameters
  /** The host end (VSP). `settings` are the host version's arguments; absent, the newest. */
  host(options: HostOptions, deps: HostDeviceDeps, settings: Settings | undefined): D
  /** What `driver` takes, looked at when it is called; absent, anything. */
  readonly guestOptions?: Shape<unknown>
  /** The guest end (VSC). */
  guest(options: GuestOptions, deps: GuestDriverDeps): G
  /** How transcripts tell of it; its classes have the name of its kind unless told otherwise. */
  readonly trace?: Partial<DeviceTrace>
}

/** `device(options)` is a device to offer, `device.driver(options)` a driver to load. */
export interface Device<HostOptions, Settings, GuestOptions, D extends HostDevice, G extends GuestDriver> {
  (options: HostOptions): HostDeviceSpec<Settings, D>
  readonly kind: string
  readonly interfaceIds: readonly string[]
  readonly trace: DeviceTrace
  /** Throws OptionsError (VMBUS_OPTIONS_INVALID), if the device says what its options are. */
  driver(options: GuestOptions): GuestDriverSpec<G>
}

export function defineDevice<HostOptions, Settings, GuestOptions, D extends HostDevice, G extends GuestDriver>(
  definition: DeviceDefinition<HostOptions, Settings, GuestOptions, D, G>,
): Device<HostOptions, Settings, GuestOptions, D, G> {
  const { kind, interfaceIds } = definition
  const trace: DeviceTrace = {
    classes: Object.fromEntries(interfaceIds.map((interfaceId) => [interfaceId, kind])),
    ...definition.trace,
  }
  const offerable = (options: HostOptions): HostDeviceSpec<Settings, D> => ({
    kind,
    trace,
    offer: definition.offer(options),
    create: (deps, settings) => definition.host(options, deps, settings),
  })
  return Object.assign(offerable, {
    kind,
    interfaceIds,
    trace,
    driver(options: GuestOptions): GuestDriverSpec<G> {
      if (definition.guestOptions !== undefined) checkOptions(`${kind}.driver`, definition.guestOptions, options)
      return { kind, interfaceIds, create: (deps) => definition.guest(options, deps) }
    },
  })
}
