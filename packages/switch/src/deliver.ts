import type { Clock, Diagnose, Seed } from '@vmbus/world'
import type { Bursts } from './burst.ts'
import type { Frame } from './frame.ts'
import type { CapturedFrame } from './interface.ts'
import { FULL, LOST, admit, admitDuplicate } from './link-direction.ts'
import { BROADCAST_MAC, readMac } from './mac.ts'
import { wireBytes, type OffloadAdapter } from './offload-adapter.ts'
import type { PortRecord } from './port.ts'
import type { Schedule } from './schedule.ts'
import type { DropReason } from './statistics.ts'

/** What takes a frame over a port's link, and to its owner. */
export interface Delivery {
  readonly clock: Clock
  readonly seed: Seed
  readonly diagnose: Diagnose | undefined
  readonly schedule: Schedule
  readonly transitLimit: number
  readonly offloadAdapter: OffloadAdapter
  readonly bursts: Bursts
  readonly sinks: Set<(frame: CapturedFrame) => void>
  /** Of the frame that is being forwarded. */
  serial: number
}

export function drop({ diagnose }: Pick<Delivery, 'diagnose'>, port: PortRecord, reason: DropReason): false {
  port.statistics.dropped[reason]++
  if (reason !== 'lost')
    diagnose?.({
      code: 'VMBUS_SWITCH_DROP',
      source: port.name,
      message: `frame dropped: ${reason}`,
      detail: { reason },
    })
  return false
}

export function capture(
  { sinks, clock }: Delivery,
  port: PortRecord,
  direction: CapturedFrame['direction'],
  frame: Frame,
): void {
  if (sinks.size === 0) return
  const captured = { port: port.name, direction, time: clock.now(), bytes: wireBytes(frame) }
  for (const sink of sinks) sink(captured)
}

/** Puts a frame on its way, into the switch or out of it, to arrive at `at`. */
export function schedule(ctx: Delivery, port: PortRecord, inbound: boolean, at: number, frame: Frame): boolean {
  if (ctx.schedule.bytes + frame.bytes.length > ctx.transitLimit) return drop(ctx, port, 'queue')
  ctx.schedule.add(at, port.index, inbound, frame)
  return true
}

/** Sends a frame over a link with faults or limits. */
export function cross(ctx: Delivery, port: PortRecord, inbound: boolean, frame: Frame): boolean {
  const { clock, seed } = ctx
  const direction = inbound ? port.inbound : port.outbound
  const link = port.config.link ?? {}
  const name = `${port.name} ${inbound ? 'in' : 'out'}`
  const at = admit(direction, link, frame.bytes.length, clock.now(), seed, name)
  if (at === LOST) return drop(ctx, port, 'lost')
  if (at === FULL) return drop(ctx, port, 'queue')
  const again = admitDuplicate(direction, link, at, seed, name)
  if (again !== LOST) schedule(ctx, port, inbound, again, frame)
  return schedule(ctx, port, inbound, at, frame)
}

/** The frame is at the port's owner. */
export function arrive(ctx: Delivery, port: PortRecord, frame: Frame): void {
  const { statistics } = port
  statistics.framesReceived++
  statistics.bytesReceived += frame.bytes.length
  if ((frame.bytes[0] ?? 0) & 1) {
    if (readMac(frame.bytes, 0) === BROADCAST_MAC) statistics.broadcastReceived++
    else statistics.multicastReceived++
  }
  capture(ctx, port, 'outbound', frame)
  ctx.bursts.reach(port)
  port.owner.receive(frame)
}

/** Sends the frame that is being forwarded out of a port. */
export function deliver(ctx: Delivery, port: PortRecord): void {
  port.reached = ctx.serial
  const adapted = ctx.offloadAdapter.adapt(port)
  if (typeof adapted === 'string') {
    drop(ctx, port, adapted)
    return
  }
  for (const frame of adapted) {
    if (port.impaired) cross(ctx, port, false, frame)
    else arrive(ctx, port, frame)
  }
}
