import { SimulationError } from './errors.ts'
import type { UntilOptions } from './types.ts'

/** An interface of an operating system, as @vmbus/guest-linux has it: requests are made now and answered later. */
interface SystemInterface {
  ping(address: string, options?: { readonly bytes?: number }): { readonly answered: boolean }
}

export interface PingOptions extends UntilOptions {
  /** Payload; default the system's. */
  readonly bytes?: number
}

/** The same interface, but what takes time lets the world run. */
export type WorldInterface<Interface> = Omit<Interface, 'ping'> & {
  /** Sends an echo request and resolves with whether it is answered within `seconds` (5) of virtual time. */
  ping(address: string, options?: PingOptions): Promise<boolean>
}

/** What `net(name)` of a guest gives: of a system that shows no interfaces nothing is known. */
export type NetOf<Surface> = Surface extends { net(name: string): infer Interface }
  ? WorldInterface<Interface>
  : unknown

/** Lets the world run until something holds; false when it does not in time. */
export type Waits = (what: () => boolean, label: string, options: UntilOptions) => Promise<boolean>

const PING_SECONDS = 5

function interfaceOf(surface: unknown, name: string, system: string): SystemInterface {
  if (typeof surface !== 'object' || surface === null || !('net' in surface) || typeof surface.net !== 'function')
    throw new SimulationError('VMBUS_SIMULATION_OPTION', `${system} shows no network interfaces`)
  return (surface.net as (name: string) => SystemInterface)(name)
}

export function worldInterface(
  surface: unknown,
  name: string,
  system: string,
  waits: Waits,
): WorldInterface<SystemInterface> {
  const found = interfaceOf(surface, name, system)
  // Everything else of the interface stays as it is, its getters included.
  return Object.create(found, {
    ping: {
      async value(address: string, { bytes, ...waiting }: PingOptions = {}): Promise<boolean> {
        const request = found.ping(address, bytes === undefined ? {} : { bytes })
        return waits(() => request.answered, `${name} pings ${address}`, { seconds: PING_SECONDS, ...waiting })
      },
    },
  }) as WorldInterface<SystemInterface>
}
