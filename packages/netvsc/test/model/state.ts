import { road, type Road } from './frames.ts'
import type { World, WorldOptions } from '../world.ts'

const V5 = 0x5_0000
const V6_1 = 0x6_0001
/** What RSS hashes when a driver has set it up: Toeplitz, addresses and TCP ports of both families. */
export const ALL_TYPES = 0x1701
/** Directed, all multicast and broadcast: what Linux sets. */
export const DRIVER_FILTER = 0x0d

/** What a life has done so far, and what must be so because of it. */
export interface Model {
  readonly world: World
  readonly out: Road
  readonly in: Road
  readonly version: number
  readonly queues: number
  readonly coalesces: boolean
  readonly tagged: boolean
  next: number
  /** A frame waits for more, so that somebody has to flush. */
  more: boolean
  filter: number
  hashTypes: number
  vfSerial: number
  /** By transaction id: whether the host has to take what was sent with it. */
  readonly answers: Map<number, boolean>
  /** How many frames may come that nobody sent, because bytes were damaged. */
  strange: number
  seen: number
  arrived: number
  /** Pages that nobody has while the adapter is up and idle; -1 before it ever was. */
  available: number
  /** By queue: the last number that came, as frames of a queue keep their order. */
  readonly last: Map<string, number>
}

export function modelOf(world: World, { settings, host, guest }: WorldOptions): Model {
  const version = Math.max(...(settings?.versions ?? []))
  return {
    world,
    out: road(),
    in: road(),
    version,
    queues: version >= V5 ? Math.min(host?.queues ?? 1, guest?.channels ?? 1) : 1,
    coalesces: version >= V6_1 && guest?.rsc !== false,
    tagged: host?.vlan !== undefined && 'trunk' in host.vlan,
    next: 0,
    more: false,
    filter: DRIVER_FILTER,
    hashTypes: ALL_TYPES,
    vfSerial: 0,
    answers: new Map(),
    strange: 0,
    seen: 0,
    arrived: 0,
    available: -1,
    last: new Map(),
  }
}
