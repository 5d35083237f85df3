import { deliver, drop, type Delivery } from './deliver.ts'
import type { Frame } from './frame.ts'
import { isGroupMac, readMac } from './mac.ts'
import type { PortRecord } from './port.ts'
import type { AddressTable } from './table.ts'
import { REFUSED, classify, innerType, isMember, tagOf } from './vlan.ts'

/** 01:80:C2:00:00:00 … 0F are for the bridge itself and never forwarded (IEEE 802.1Q-2018, table 8-1). */
const FIRST_RESERVED = 0x0180_c200_0000
const LAST_RESERVED = 0x0180_c200_000f

/** What decides where a frame goes. */
export interface Forwarder extends Delivery {
  readonly ports: (PortRecord | undefined)[]
  readonly table: AddressTable
}

/** Forwards a frame that has come in; false when it is dropped. */
export function forward(ctx: Forwarder, from: PortRecord, frame: Frame): boolean {
  if (!from.up) return drop(ctx, from, 'down')
  const now = ctx.clock.now()
  const tag = tagOf(frame)
  const inner = innerType(frame)
  const vlan = classify(from.rule, tag, inner)
  if (vlan === REFUSED) return drop(ctx, from, 'vlan')
  learn(ctx, from, readMac(frame.bytes, 6), vlan, now)
  const destination = readMac(frame.bytes, 0)
  if (destination >= FIRST_RESERVED && destination <= LAST_RESERVED) return drop(ctx, from, 'reserved')

  ctx.serial++
  from.reached = ctx.serial
  ctx.offloadAdapter.begin(frame, vlan, tag, inner)
  const to = isGroupMac(destination) ? undefined : portOf(ctx, destination, vlan, now)
  let isMirrored = from.config.mirror === 'source'
  if (to === undefined) isMirrored = flood(ctx, from, vlan) || isMirrored
  else if (to !== from) {
    isMirrored ||= to.config.mirror === 'source'
    deliver(ctx, to)
  }
  if (isMirrored) copyToMirrors(ctx)
  return true
}

function learn({ ports, table }: Forwarder, port: PortRecord, source: number, vlan: number, now: number): void {
  if (port.mac !== source) for (const other of ports) if (other?.mac === source) return
  table.learn(vlan, source, port.index, now)
}

/** The port that a unicast address leads to, or undefined when it is to be flooded. */
function portOf({ ports, table }: Forwarder, mac: number, vlan: number, now: number): PortRecord | undefined {
  const learned = ports[table.find(vlan, mac, now)]
  if (learned !== undefined && learned.up && isMember(learned.rule, vlan)) return learned
  for (const port of ports) if (port?.mac === mac && port.up && isMember(port.rule, vlan)) return port
  return undefined
}

/** True when a port that is mirrored was among the receivers. */
function flood(ctx: Forwarder, from: PortRecord, vlan: number): boolean {
  let isMirrored = false
  for (let index = 0; index < ctx.ports.length; index++) {
    const port = ctx.ports[index]
    if (port === undefined || port === from || !port.up || !isMember(port.rule, vlan)) continue
    isMirrored ||= port.config.mirror === 'source'
    deliver(ctx, port)
  }
  return isMirrored
}

function copyToMirrors(ctx: Forwarder): void {
  for (const port of ctx.ports) {
    if (port?.config.mirror !== 'destination' || port.reached === ctx.serial || !port.up) continue
    port.statistics.mirrored++
    deliver(ctx, port)
  }
}
