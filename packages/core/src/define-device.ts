import type { GuestDriver, GuestDriverDeps, GuestDriverSpec, HostDevice, HostDeviceDeps, HostDeviceSpec, OfferParameters } from './types.ts'

/** Both ends of one device, as its package declares them. */
export interface DeviceDefinition<HostOptions, Settings, GuestOptions> {
  readonly kind: string
  /** Every interface class that the driver binds to; the host end offers `offer(options).interfaceId`. */
  readonly interfaceIds: readonly string[]
  offer(options: HostOptions): OfferParameters
  /** The host end (VSP). `settings` are the host version's arguments; absent, the newest. */
  host(options: HostOptions, deps: HostDeviceDeps, settings: Settings | undefined): HostDevice
  /** The guest end (VSC). */
  guest(options: GuestOptions, deps: GuestDriverDeps): GuestDriver
}

/** `device(options)` is a device to offer, `device.driver(options)` a driver to load. */
export interface Device<HostOptions, Settings, GuestOptions> {
  (options: HostOptions): HostDeviceSpec<Settings>
  readonly kind: string
  readonly interfaceIds: readonly string[]
  driver(options: GuestOptions): GuestDriverSpec
}

export function defineDevice<HostOptions, Settings, GuestOptions>(
  definition: DeviceDefinition<HostOptions, Settings, GuestOptions>,
): Device<HostOptions, Settings, GuestOptions> {
  const { kind, interfaceIds } = definition
  const offerable = (options: HostOptions): HostDeviceSpec<Settings> => ({
    kind,
    offer: definition.offer(options),
    create: (deps, settings) => definition.host(options, deps, settings),
  })
  return Object.assign(offerable, {
    kind,
    interfaceIds,
    driver: (options: GuestOptions): GuestDriverSpec => ({
      kind,
      interfaceIds,
      create: (deps) => definition.guest(options, deps),
    }),
  })
}
