import type { Clock, Seed, Timers } from '@vmbus/world'
import type { BudgetState } from '../budget.ts'
import type { Frame } from '../frame.ts'
import type { Neighbour } from './neighbours.ts'
import type { PartialDatagram } from './reassembly.ts'
import type { TcpEnd, TcpHandlers, TcpLayerState, TcpSocket } from './tcp/socket.ts'
import type { UdpFrom, UdpSocket } from './udp.ts'

export interface PeerOptions {
  readonly clock: Clock
  readonly timers: Timers
  /** Draws initial sequence numbers and local ports. */
  readonly seed: Seed
  readonly mac: string
  /** Address and prefix length, `10.0.0.1/24`. */
  readonly ipv4?: string | undefined
  /** A further address beside the link-local one that the MAC gives, `fd00::1/64`. */
  readonly ipv6?: string | undefined
  /** Addresses beyond those two, of either family: answered for, never the source of what the peer begins. */
  readonly more?: readonly string[] | undefined
  /** Next hop for what is not on the link. */
  readonly gateway4?: string | undefined
  readonly gateway6?: string | undefined
  /** Largest packet, 576 … 65535, 1280 or more for IPv6. Default 1500. */
  readonly mtu?: number | undefined
  /** Bytes of each TCP socket's send and receive buffer, 4096 … 2^26. Default 262144. */
  readonly tcpBuffer?: number | undefined
  /** Default 1024. */
  readonly tcpSockets?: number | undefined
  /** Routers may cut ICMP, as that of Linux (net/ipv4/icmp.c, icmp_sk_init: IP_PMTUDISC_DONT). Default false. */
  readonly echoMayFragment?: boolean | undefined
  /** Takes a frame to be sent; its bytes may be kept. */
  send(frame: Frame): void
  /** An echo reply came. */
  echoed?(reply: {
    readonly address: string
    readonly id: number
    readonly sequence: number
    readonly payload: Uint8Array
  }): void
}

/** A peer's whole state as a plain value; listeners and UDP ports are bound again by their owners. */
export interface PeerState {
  readonly kind: string
  readonly v: number
  readonly identification: number
  readonly budget: BudgetState
  /** Frames that wait for the time at which more may be sent. */
  readonly outbox: readonly Uint8Array[]
  readonly neighbours: readonly Neighbour[]
  readonly partials: readonly PartialDatagram[]
  readonly tcp: TcpLayerState
}

export interface PingOptions {
  readonly id?: number | undefined
  readonly sequence?: number | undefined
  readonly payload?: Uint8Array | undefined
}

export interface Peer {
  /** Our addresses: IPv4, IPv6, further ones, link-local. */
  readonly addresses: readonly string[]
  /** Takes a frame from the network. The bytes may change after the call. */
  receive(frame: Frame): void
  /** To be called when one of the peer's timers fires. */
  timer(name: string): void
  /** Tells the network our addresses. */
  announce(): void
  /** Sends an echo request; `echoed` hears the answer. */
  ping(address: string, options?: PingOptions): void
  udp(port: number, message: (from: UdpFrom, bytes: Uint8Array) => void): UdpSocket
  listen(port: number, handlers: TcpHandlers): { close(): void }
  connect(remote: TcpEnd, handlers: TcpHandlers): TcpSocket
  sockets(): TcpSocket[]
  save(): PeerState
  /** Throws as `restore` would, and changes nothing. */
  checkState(saved: unknown): void
  /**
   * `attach` gives each saved socket its handlers.
   *
   * @throws StateError `VMBUS_STATE_INVALID`, with nothing touched
   */
  restore(saved: unknown, attach: (socket: TcpSocket) => TcpHandlers): void
}
