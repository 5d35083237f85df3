import { TICKS_PER_SECOND } from '@vmbus/world'
import { keyOf, type IpBytes } from './address.ts'

/** What is known of an address on the link. */
export interface Neighbour {
  readonly address: IpBytes
  /** -1 while it is being asked for. */
  mac: number
  confirmedAt: number
  askedAt: number
  tries: number
  /** Frames that wait for the answer. */
  waiting: Uint8Array[]
}

/** What a neighbour says of itself (RFC 4861, 4.4). */
export interface Advertisement {
  readonly address: IpBytes
  /** Undefined when it is left out. */
  readonly mac: number | undefined
  readonly isSolicited: boolean
  readonly overrides: boolean
}

export interface Neighbours {
  /** Sends `frame` to the neighbour's MAC, or keeps it until the neighbour has answered. */
  send(address: IpBytes, frame: Uint8Array, now: number): void
  /** The neighbour's MAC is known. `create`: also of one that was not asked for. */
  heard(address: IpBytes, mac: number, now: number, create: boolean): void
  /** What is known changes as RFC 4861, 7.2.5, says; who was never asked for is not taken up. */
  advertised(advertisement: Advertisement, now: number): void
  /** Asks again those who have not answered. Returns when to be called next, Infinity for never. */
  retry(now: number): number
  deadline(): number
  save(): Neighbour[]
  load(neighbours: readonly Neighbour[]): void
}

const ASK_EVERY = TICKS_PER_SECOND
const MOST_TRIES = 3
/** After this an address is asked for again while it is still used; after the second it is no longer used. */
const STALE = 30 * TICKS_PER_SECOND
const DEAD = 120 * TICKS_PER_SECOND
export const MOST_NEIGHBOURS = 256
export const MOST_WAITING = 16

/** The ARP and ND cache: at most 256 neighbours, 16 waiting frames each. */
export function createNeighbours(
  ask: (address: IpBytes) => void,
  transmit: (frame: Uint8Array, mac: number) => void,
): Neighbours {
  const known = new Map<number | string, Neighbour>()

  const add = (address: IpBytes): Neighbour => {
    const [oldest] = known.keys()
    if (known.size >= MOST_NEIGHBOURS && oldest !== undefined) known.delete(oldest)
    const neighbour: Neighbour = {
      address: address.slice(),
      mac: -1,
      confirmedAt: 0,
      askedAt: 0,
      tries: 0,
      waiting: [],
    }
    known.set(keyOf(address), neighbour)
    return neighbour
  }
  const askFor = (neighbour: Neighbour, now: number): void => {
    neighbour.askedAt = now
    neighbour.tries++
    ask(neighbour.address)
  }
  const confirm = (neighbour: Neighbour, mac: number, now: number): void => {
    neighbour.mac = mac
    neighbour.confirmedAt = now
    neighbour.tries = 0
    for (const frame of neighbour.waiting.splice(0)) transmit(frame, mac)
  }
  const deadline = (): number => {
    let next = Infinity
    for (const { mac, askedAt } of known.values()) if (mac < 0) next = Math.min(next, askedAt + ASK_EVERY)
    return next
  }

  return {
    deadline,
    send(address, frame, now) {
      const neighbour = known.get(keyOf(address)) ?? add(address)
      const age = now - neighbour.confirmedAt
      if (neighbour.mac >= 0 && age > DEAD) {
        neighbour.mac = -1
        neighbour.tries = 0
      }
      if (neighbour.mac >= 0) {
        if (age > STALE && now - neighbour.askedAt >= ASK_EVERY) askFor(neighbour, now)
        transmit(frame, neighbour.mac)
        return
      }
      if (neighbour.waiting.length >= MOST_WAITING) neighbour.waiting.shift()
      neighbour.waiting.push(frame)
      if (neighbour.tries === 0) askFor(neighbour, now)
    },
    heard(address, mac, now, create) {
      const neighbour = known.get(keyOf(address)) ?? (create ? add(address) : undefined)
      if (neighbour !== undefined) confirm(neighbour, mac, now)
    },
    advertised({ address, mac, isSolicited, overrides }, now) {
      const neighbour = known.get(keyOf(address))
      if (neighbour === undefined) return
      if (neighbour.mac < 0) {
        if (mac !== undefined) confirm(neighbour, mac, now)
        return
      }
      const differs = mac !== undefined && mac !== neighbour.mac
      if (differs && overrides) neighbour.mac = mac
      if (isSolicited && !(differs && !overrides)) neighbour.confirmedAt = now
      // Not known to be reachable there: it is asked for when it is next used.
      else if (differs) neighbour.confirmedAt = Math.min(neighbour.confirmedAt, now - STALE - 1)
    },
    retry(now) {
      for (const [key, neighbour] of known) {
        if (neighbour.mac >= 0 || neighbour.askedAt + ASK_EVERY > now) continue
        if (neighbour.tries >= MOST_TRIES) known.delete(key)
        else askFor(neighbour, now)
      }
      return deadline()
    },
    save: () => [...known.values()].map((neighbour) => ({ ...neighbour, waiting: [...neighbour.waiting] })),
    load(neighbours) {
      known.clear()
      for (const neighbour of neighbours)
        known.set(keyOf(neighbour.address), { ...neighbour, waiting: [...neighbour.waiting] })
    },
  }
}
