import { parseMac } from '../mac.ts'
import { isBroadcast, isInNetwork, isMulticast, linkLocalOf, sameIp, type IpBytes, type Network } from './address.ts'
import type { PeerOptions } from './interface.ts'
import { addressing } from './options.ts'

/** The peer's own addresses, and what follows from them for others. */
export interface OwnAddresses {
  readonly mac: number
  readonly all: readonly IpBytes[]
  isOurs(address: IpBytes): boolean
  isBroadcast(address: IpBytes): boolean
  /** An address of many. */
  isGroup(address: IpBytes): boolean
  sourceFor(destination: IpBytes): IpBytes | undefined
  /** Whom a packet is given to: its destination on the link, else a gateway. */
  nextHop(destination: IpBytes): IpBytes | undefined
}

/** @throws SwitchError `VMBUS_PEER_OPTION` */
export function ownAddresses(options: PeerOptions): OwnAddresses {
  const { network4, network6, more, gateway4, gateway6 } = addressing(options)
  const mac = parseMac(options.mac)
  const linkLocal: Network = { address: linkLocalOf(mac), prefix: 10 }
  const networks = [network4, network6, ...more, linkLocal].filter((network) => network !== undefined)
  const isLocal = (destination: IpBytes): boolean =>
    isInNetwork(linkLocal, destination) || (isMulticast(destination) && ((destination[1] ?? 0) & 15) === 2)
  return {
    mac,
    all: networks.map(({ address }) => address),
    isOurs: (address) => networks.some((network) => sameIp(network.address, address)),
    isBroadcast: (address) => isBroadcast(network4, address),
    isGroup: (address) => isMulticast(address) || isBroadcast(network4, address),
    sourceFor(destination) {
      if (destination.length === 4) return network4?.address
      return isLocal(destination) ? linkLocal.address : (network6 ?? linkLocal).address
    },
    nextHop(destination) {
      if (networks.some((network) => isInNetwork(network, destination))) return destination
      return destination.length === 4 ? gateway4 : gateway6
    },
  }
}
