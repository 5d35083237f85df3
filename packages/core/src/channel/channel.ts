import { CoreError } from '../errors.ts'
import { FEATURE_PENDING_SEND_SIZE, Rx, Tx, ringArea, ringPagesFault, type RingArea } from '../ring/index.ts'
import { PacketType, type Gpadl, type Offer, type Packet, type PageRange, type TransferRange } from '../types.ts'
import { fail, failRing, isReadable, writableBytes, type ChannelContext } from './context.ts'
import { packetBuffer, packetParser } from './packet.ts'
import { receive } from './receive.ts'
import { FLAG_COMPLETION_REQUESTED, writeGpaDirect, writeTransferPages } from './send.ts'
import { CHANNEL_FORM, checkState } from './state.ts'
import { publish, sent, takeWritable, wantWritable } from './transmit.ts'
import { Due, type ChannelEnd, type ChannelOptions } from './types.ts'

/** Bytes of a control page. */
const PAGE = 4096

/**
 * One end of an open channel. Throws VMBUS_RING_INVALID when the pages cannot be rings, which a bus checks before it
 * accepts an OPENCHANNEL; a peer whose indices are impossible gives a channel that has failed from the start.
 */
export function createChannel(options: ChannelOptions): ChannelEnd {
  const ctx = createContext(options)
  if (options.saved === undefined) begin(ctx)
  return new End(ctx)
}

/**
 * A class, and one for all channels: as an object literal with getters each channel had a hidden class of its own, which
 * no call is specialised on and which only a full collection frees (Node 20).
 */
class End implements ChannelEnd {
  readonly offer: Offer
  readonly subchannelIndex: number
  readonly userData: Uint8Array
  private readonly ctx: ChannelContext

  constructor(ctx: ChannelContext) {
    const { offer, userData } = ctx.options
    this.offer = offer
    this.subchannelIndex = offer.subchannelIndex
    this.userData = userData
    this.ctx = ctx
  }

  get targetVp(): number {
    return this.ctx.state.targetVp
  }

  set targetVp(vp: number) {
    this.ctx.state.targetVp = vp
  }

  get isOpen(): boolean {
    return this.ctx.state.isOpen
  }

  get failure(): string | undefined {
    return this.ctx.state.failure ?? undefined
  }

  sendInBand(payload: Uint8Array, low: number, high: number, wantCompletion: boolean): boolean {
    const { ctx } = this
    const flags = wantCompletion ? FLAG_COMPLETION_REQUESTED : 0
    return ctx.state.isOpen && sent(ctx, ctx.tx.send(PacketType.inBand, flags, payload, low, high))
  }

  sendCompletion(payload: Uint8Array, low: number, high: number): boolean {
    const { ctx } = this
    return ctx.state.isOpen && sent(ctx, ctx.tx.send(PacketType.completion, 0, payload, low, high))
  }

  sendGpaDirect(ranges: readonly PageRange[], payload: Uint8Array, low: number, high: number): boolean {
    const { ctx } = this
    return ctx.state.isOpen && sent(ctx, writeGpaDirect(ctx.tx, ranges, payload, low, high))
  }

  sendTransferPages(
    setId: number,
    ranges: readonly TransferRange[],
    payload: Uint8Array,
    low: number,
    high: number,
  ): boolean {
    const { ctx } = this
    return ctx.state.isOpen && sent(ctx, writeTransferPages(ctx.tx, setId, ranges, payload, low, high))
  }

  cork(): void {
    this.ctx.state.corked = true
  }

  uncork(): void {
    const { state } = this.ctx
    state.corked = false
    if (state.isOpen) publish(this.ctx)
  }

  receive(): Packet | undefined {
    return receive(this.ctx)
  }

  get readable(): boolean {
    return isReadable(this.ctx)
  }

  get writableBytes(): number {
    return writableBytes(this.ctx)
  }

  wantWritable(bytes: number): void {
    wantWritable(this.ctx, bytes)
  }

  mask(masked: boolean): void {
    const { options, state, rx } = this.ctx
    if (!state.isOpen) return
    rx.mask(masked)
    if (!masked && isReadable(this.ctx)) options.due?.()
  }

  gpadl(id: number): Gpadl | undefined {
    return this.ctx.options.gpadl(id)
  }

  fail(code: string, message: string, branch?: string): void {
    fail(this.ctx, code, message, branch)
  }

  interrupted(): number {
    return (takeWritable(this.ctx) ? Due.writable : 0) | (isReadable(this.ctx) ? Due.readable : 0)
  }

  takeWritable(): boolean {
    return takeWritable(this.ctx)
  }

  get mustPoll(): boolean {
    const { options, state, rx } = this.ctx
    return state.isOpen && state.wanted > 0 && (options.polls === true || !rx.peerHonoursPending)
  }

  close(): void {
    this.ctx.state.isOpen = false
  }

  save(): unknown {
    const { state, tx, rx } = this.ctx
    return { ...CHANNEL_FORM.head, ...state, out: tx.save(), in: rx.save() }
  }

  inspect(): Record<string, unknown> {
    const { state, tx, rx } = this.ctx
    return {
      ...state,
      failure: this.failure,
      writableBytes: state.isOpen ? Math.max(0, tx.writable()) : 0,
      out: tx.save(),
      in: rx.save(),
    }
  }
}

function createContext(options: ChannelOptions): ChannelContext {
  const { role } = options
  const { outgoing, incoming } = areas(options)
  const saved = options.saved === undefined ? undefined : checkState(options.saved, outgoing.size, incoming.size)
  if (saved === undefined && role === 'guest')
    for (const { control } of [outgoing, incoming]) options.memory.words.fill(0, control, control + PAGE / 4)
  const maxPacket = options.maxPacket || Infinity
  const isClamped = options.oversize === 'truncate'
  return {
    options,
    state: {
      isOpen: saved?.isOpen ?? true,
      failure: saved?.failure ?? null,
      targetVp: saved?.targetVp ?? options.targetVp,
      corked: saved?.corked ?? false,
      wanted: saved?.wanted ?? 0,
    },
    tx: new Tx(outgoing, { reportWrites: role === 'host', ...(saved && { state: saved.out }) }),
    rx: new Rx(incoming, {
      ...(saved && { state: saved.in }),
      ...(isClamped && { policy: 'clamp', limit: Math.min(maxPacket, incoming.size) }),
    }),
    maxPacket,
    ...packetParser(),
    copied: packetBuffer(0),
  }
}

/** Says in the rings what this end can do; a peer that broke them already has failed the channel. */
function begin(ctx: ChannelContext): void {
  const { options, tx, rx } = ctx
  const bits = options.featureBits ?? (options.role === 'guest' ? 'both' : 'out')
  if (!tx.valid) return failRing(ctx, 'read-index')
  if (!rx.valid) return failRing(ctx, 'write-index')
  if (bits !== 'none') tx.setFeatureBits(FEATURE_PENDING_SEND_SIZE)
  if (bits === 'both') rx.setFeatureBits(FEATURE_PENDING_SEND_SIZE)
  tx.setPending(options.permanentPending ?? 0)
  rx.mask(false)
}

function areas({ memory, role, pfns, downstreamOffset }: ChannelOptions): { outgoing: RingArea; incoming: RingArea } {
  const toHost = pfns.slice(0, downstreamOffset)
  const toGuest = pfns.slice(downstreamOffset)
  for (const pages of [toHost, toGuest]) {
    const fault = ringPagesFault(memory, pages)
    if (fault !== undefined)
      throw new CoreError('VMBUS_RING_INVALID', { field: 'pfns', value: fault, allowed: 'pages of guest RAM' })
  }
  const [guestToHost, hostToGuest] = [ringArea(memory, toHost), ringArea(memory, toGuest)]
  return role === 'host'
    ? { outgoing: hostToGuest, incoming: guestToHost }
    : { outgoing: guestToHost, incoming: hostToGuest }
}
