import { balloonProtocol } from './balloon.ts'
import { heartbeatProtocol, shutdownProtocol, timesyncProtocol } from './clocks.ts'
import { fcopyProtocol } from './fcopy.ts'
import { kvpProtocol } from './kvp.ts'
import { netvscProtocol } from './netvsc.ts'
import { storvscProtocol } from './storvsc.ts'
import { vssProtocol } from './vss.ts'
import type { Rule } from '../rules/rule.ts'
import type { Protocol } from './protocol.ts'

/** Every device whose protocol is known. */
export const PROTOCOLS: readonly Protocol[] = [
  heartbeatProtocol,
  timesyncProtocol,
  shutdownProtocol,
  kvpProtocol,
  vssProtocol,
  fcopyProtocol,
  balloonProtocol,
  storvscProtocol,
  netvscProtocol,
]

/** The rules of each device by its kind: what drivers owe, and what hosts do. */
export const PROTOCOL_RULES: Readonly<
  Record<string, { readonly guest: readonly Rule[]; readonly host: readonly Rule[] }>
> = Object.fromEntries(PROTOCOLS.map(({ kind, guest, host }) => [kind, { guest, host }]))
