import { MessageId, layouts } from '@vmbus/core'
import { IcType, PIPE_MODE_FLAG } from '@vmbus/ic'
import { TICKS_PER_SECOND, type Diagnostic, type TraceEvent } from '@vmbus/world'
import type { BusWatch, Channel, Judge } from '../rules/bus-state.ts'
import { PROTOCOLS } from './all.ts'
import { DAEMON_SECONDS, icSession } from './ic.ts'
import type { Protocol, Session, Watch } from './protocol.ts'

/** The descriptor before each packet's payload, in bytes (wire/03 §3). */
const DESCRIPTOR = 16

/** Follows what crosses the channels of known devices. */
export interface ProtocolWatch {
  see(event: TraceEvent, now: number): void
  /** What one end says of the other, while nothing is taken away. */
  diagnosed(by: 'host' | 'guest', diagnostic: Diagnostic): void
  /** What was expected by now and never came is broken; `whole` at the end of an undisturbed life, when devices have done their work. */
  settled(now: number, whole: boolean): void
  /** Devices that were offered. */
  readonly kinds: ReadonlySet<string>
}

interface Live {
  readonly kind: string
  readonly relid: number
  readonly session: Session
  readonly expected: Map<string, Expectation>
}

interface Expectation {
  readonly rule: string
  readonly at: number
  readonly how: string
}

/** What ends say that is no fault of the other: a version that is not shared, and their owners' own failures. */
const NO_FAULT = new Set([
  'VMBUS_GUEST_REJECTED/contact-version',
  'VMBUS_IC_DROPPED/negotiation-none',
  'VMBUS_CHANNELS_EXHAUSTED',
  'VMBUS_HYPERCALL_REJECTED',
  'VMBUS_MSR_REFUSED',
  'VMBUS_POST_FAILED',
  'VMBUS_VSS_BUS',
  'VMBUS_VSS_SNAPSHOT',
  'VMBUS_VSS_THAW',
])

const BY_INTERFACE = new Map(PROTOCOLS.flatMap((each) => each.interfaceIds.map((id) => [id, each] as const)))
const KINDS = new Set(PROTOCOLS.map(({ kind }) => kind))

/** The device that a diagnostic is of, by its code: `VMBUS_NETVSC_…`; everything else is the bus's. */
function areaOf({ code }: Diagnostic): string {
  const area = code.split('_')[1]?.toLowerCase() ?? ''
  return area === 'ic' || KINDS.has(area) ? area : 'bus'
}

interface ProtocolContext extends Judge {
  readonly bus: BusWatch
  /** Sessions by the instance of their device. */
  readonly live: Map<string, Live>
  readonly kinds: Set<string>
  /** Kinds of devices that were opened. */
  readonly opened: Set<string>
  readonly served: { readonly host: Set<string>; readonly guest: Set<string> }
  now: number
}

export function protocolWatch(bus: BusWatch, judge: Judge): ProtocolWatch {
  const served = { host: new Set<string>(), guest: new Set<string>() }
  const ctx: ProtocolContext = { ...judge, bus, live: new Map(), kinds: new Set(), opened: new Set(), served, now: 0 }
  const { live, kinds, opened } = ctx
  const { broken } = judge
  return {
    kinds,
    see(event, at) {
      ctx.now = at
      if (event.kind === 'message') return message(ctx, event.bytes, event.to)
      if (event.kind !== 'packet' && event.kind !== 'transfer') return
      const channel = bus.channelOf(event.relid)
      const found = channel === undefined || channel.rescinded ? undefined : live.get(channel.instanceId)
      if (channel === undefined || found === undefined) return
      if (event.kind === 'packet') packet(event.bytes, event.to, channel, found)
      else found.session.transfer?.(event.to, event.bytes)
    },
    diagnosed(by, diagnostic) {
      const { code, message: text, detail } = diagnostic
      const branch = detail?.['branch']
      if (NO_FAULT.has(code) || NO_FAULT.has(`${code}/${String(branch)}`)) return
      const end = by === 'host' ? 'guest' : 'host'
      broken(`${end}-${areaOf(diagnostic)}-accepted`, `${code}${branch === undefined ? '' : ` ${branch}`}: ${text}`)
    },
    settled(at, whole) {
      ctx.now = at
      for (const { expected } of live.values()) for (const key of expected.keys()) late(ctx, expected, key)
      if (!whole) return
      for (const kind of opened)
        for (const end of ['host', 'guest'] as const)
          if (!served[end].has(kind)) broken(`${end}-${kind}-serves`, `${kind}: it never happened`)
    },
  }
}

/** What came after its time broke its rule. */
function late({ now, broken }: ProtocolContext, expected: Live['expected'], key: string): void {
  const one = expected.get(key)
  if (one !== undefined && now > one.at) broken(one.rule, one.how)
}

function watchOf(ctx: ProtocolContext, kind: string, channel: Channel, expected: Live['expected']): Watch {
  const { bus, exercised, broken, served } = ctx
  return {
    check(rule, kept, how) {
      exercised(rule)
      if (!kept) broken(rule, `${kind}: ${how()}`)
    },
    expect(rule, key, seconds, how) {
      exercised(rule)
      expected.set(key, { rule, at: ctx.now + seconds * TICKS_PER_SECOND, how: `${kind}: ${how} in ${seconds} s` })
    },
    met(key) {
      late(ctx, expected, key)
      return expected.delete(key)
    },
    forget: (key) => void expected.delete(key),
    served: (by) => void served[by].add(kind),
    get now() {
      return ctx.now
    },
    grantBytes: (gpadl) => bus.grantBytes(gpadl),
    get subchannels() {
      return bus.subchannelsOf(channel.instanceId)
    },
  }
}

/** A session begins with OPENCHANNEL of the primary: a device may speak before it has answered. */
function begin(ctx: ProtocolContext, relid: number, channel: Channel): void {
  const found: Protocol | undefined = BY_INTERFACE.get(channel.interfaceId)
  const isComponent = (channel.flags & PIPE_MODE_FLAG) !== 0
  if (channel.subchannelIndex !== 0 || (found === undefined && !isComponent)) return
  const kind = found?.kind ?? 'component'
  const expected: Live['expected'] = new Map()
  const watch = watchOf(ctx, kind, channel, expected)
  const session = found?.session(watch) ?? icSession(watch, IcType.negotiate, DAEMON_SECONDS, {})
  ctx.live.set(channel.instanceId, { kind, relid, session, expected })
  if (found === undefined) return
  ctx.opened.add(kind)
  for (const end of ['guest', 'host'])
    for (const rule of ['serves', 'accepted']) ctx.exercised(`${end}-${kind}-${rule}`)
}

function message(ctx: ProtocolContext, bytes: Uint8Array, to: 'host' | 'guest'): void {
  const { bus, live, kinds } = ctx
  const id = bytes[0]
  if (to === 'guest' && id === MessageId.offerChannel) {
    const found = BY_INTERFACE.get(layouts.offerChannel.parse(bytes).interfaceId)
    if (found !== undefined) kinds.add(found.kind)
  }
  for (const [instanceId, { relid, session, expected }] of live) {
    const channel = bus.channelOf(relid)
    if (channel !== undefined && !channel.rescinded && (channel.phase === 'open' || channel.phase === 'opening')) {
      session.message?.()
      continue
    }
    if (id === MessageId.closeChannel && channel?.rescinded === false) closed(ctx, session, expected)
    live.delete(instanceId)
  }
  if (to !== 'host' || id !== MessageId.openChannel || bytes.length < layouts.openChannel.size) return
  const { relid } = layouts.openChannel.parse(bytes)
  const channel = bus.channelOf(relid)
  if (channel !== undefined && !live.has(channel.instanceId)) begin(ctx, relid, channel)
}

/** A guest that waited as long as the rule says may close at that very moment: what is due now is late. */
function closed({ now, broken }: ProtocolContext, session: Session, expected: Live['expected']): void {
  session.closing?.()
  for (const one of expected.values()) if (now >= one.at) broken(one.rule, one.how)
}

function packet(bytes: Uint8Array, to: 'host' | 'guest', channel: Channel, { session }: Live): void {
  const packetView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const payload = packetView.getUint16(2, true) * 8
  if (bytes.length < DESCRIPTOR || payload < DESCRIPTOR || payload > bytes.length) return
  session.packet({
    to,
    type: packetView.getUint16(0, true),
    wantsCompletion: (packetView.getUint16(6, true) & 1) !== 0,
    transaction: packetView.getBigUint64(8, true),
    subchannel: channel.subchannelIndex,
    view: new DataView(bytes.buffer, bytes.byteOffset + payload, bytes.length - payload),
    packet: packetView,
  })
}
