import { CoreError } from '../errors.ts'
import { FEATURE_PENDING_SEND_SIZE, Rx, Tx, ringArea, ringPagesFault, type RingArea } from '../ring/index.ts'
import { PacketType } from '../types.ts'
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
  const { offer } = options
  const ctx = createContext(options)
  const { state, tx, rx } = ctx
  if (options.saved === undefined) begin(ctx)
  return {
    offer,
    subchannelIndex: offer.subchannelIndex,
    userData: options.userData,
    get targetVp() {
      return state.targetVp
    },
    set targetVp(vp) {
      state.targetVp = vp
    },
    get isOpen() {
      return state.isOpen
    },
    get failure() {
      return state.failure ?? undefined
    },
    sendInBand: (payload, low, high, wantCompletion) =>
      state.isOpen &&
      sent(ctx, tx.send(PacketType.inBand, wantCompletion ? FLAG_COMPLETION_REQUESTED : 0, payload, low, high)),
    sendCompletion: (payload, low, high) =>
      state.isOpen && sent(ctx, tx.send(PacketType.completion, 0, payload, low, high)),
    sendGpaDirect: (ranges, payload, low, high) =>
      state.isOpen && sent(ctx, writeGpaDirect(tx, ranges, payload, low, high)),
    sendTransferPages: (setId, ranges, payload, low, high) =>
      state.isOpen && sent(ctx, writeTransferPages(tx, setId, ranges, payload, low, high)),
    cork: () => {
      state.corked = true
    },
    uncork: () => {
      state.corked = false
      if (state.isOpen) publish(ctx)
    },
    receive: () => receive(ctx),
    get readable() {
      return isReadable(ctx)
    },
    get writableBytes() {
      return writableBytes(ctx)
    },
    wantWritable: (bytes) => wantWritable(ctx, bytes),
    mask: (masked) => {
      if (!state.isOpen) return
      rx.mask(masked)
      if (!masked && isReadable(ctx)) options.due?.()
    },
    gpadl: (id) => options.gpadl(id),
    fail: (code, message, branch) => fail(ctx, code, message, branch),
    interrupted: () => (takeWritable(ctx) ? Due.writable : 0) | (isReadable(ctx) ? Due.readable : 0),
    takeWritable: () => takeWritable(ctx),
    get mustPoll() {
      return state.isOpen && state.wanted > 0 && (options.polls === true || !rx.peerHonoursPending)
    },
    close: () => {
      state.isOpen = false
    },
    save: () => ({ ...CHANNEL_FORM.head, ...state, out: tx.save(), in: rx.save() }),
    inspect: () => ({
      ...state,
      failure: state.failure ?? undefined,
      writableBytes: state.isOpen ? Math.max(0, tx.writable()) : 0,
      out: tx.save(),
      in: rx.save(),
    }),
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
