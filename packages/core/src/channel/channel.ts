import type { StateHead } from '@vmbus/world'
import { CoreError } from '../errors.ts'
import {
  FEATURE_PENDING_SEND_SIZE,
  Rx,
  RxStatus,
  Tx,
  TxStatus,
  ringArea,
  ringPagesFault,
  type RingArea,
  type RingFault,
} from '../ring/index.ts'
import { PacketType, type Packet } from '../types.ts'
import { holdBytes, packetBuffer, packetParser } from './packet.ts'
import { FLAG_COMPLETION_REQUESTED, writeGpaDirect, writeTransferPages } from './send.ts'
import { CHANNEL_FORM, checkState, type ChannelState } from './state.ts'
import { Due, type ChannelEnd, type ChannelOptions } from './types.ts'

/** Bytes of a control page. */
const PAGE = 4096

/**
 * One end of an open channel. Throws VMBUS_RING_INVALID when the pages cannot be rings, which a bus checks before it
 * accepts an OPENCHANNEL; a peer whose indices are impossible gives a channel that has failed from the start.
 */
export function createChannel(options: ChannelOptions): ChannelEnd {
  const { memory, offer, role, signal, trace, diagnose } = options
  const { outgoing, incoming } = areas(options)
  const saved = options.saved === undefined ? undefined : checkState(options.saved, outgoing.size, incoming.size)
  if (saved === undefined && role === 'guest') for (const area of [outgoing, incoming]) clearControl(area)
  const truncates = options.oversize === 'truncate'
  const maxPacket = options.maxPacket || Infinity
  const tx = new Tx(outgoing, { reportWrites: role === 'host', ...(saved && { state: saved.out }) })
  const rx = new Rx(incoming, {
    ...(saved && { state: saved.in }),
    ...(truncates && { policy: 'clamp', limit: Math.min(maxPacket, incoming.size) }),
  })
  const { packet, parse } = packetParser()
  /** What was sent last, as it is traced. */
  const copied = packetBuffer(0)

  let isOpen = saved?.isOpen ?? true
  let failure = saved?.failure ?? undefined
  let targetVp = saved?.targetVp ?? options.targetVp
  let corked = saved?.corked ?? false
  let wanted = saved?.wanted ?? 0

  function fail(code: string, message: string, branch?: string): void {
    if (!isOpen) return
    isOpen = false
    failure = code
    const { relid, subchannelIndex } = offer
    const detail = { relid, subchannelIndex, ...(branch !== undefined && { branch }) }
    diagnose?.({ code, source: `channel/${role}`, message, detail })
  }

  function failRing(fault: RingFault | 'read-index'): void {
    fail('VMBUS_RING_CORRUPT', `the peer broke its ring: ${fault}`, fault)
  }

  function publish(): void {
    if (!corked && tx.publish()) signal()
  }

  /**
   * The host sees both directions, so its trace is the whole transcript: what a real guest reads is recorded as it is
   * sent. A guest's trace has what it receives.
   */
  function traceSent(): void {
    holdBytes(copied, tx.lastLength)
    tx.copyLast(copied.bytes, copied.words)
    trace?.({ kind: 'packet', to: 'guest', relid: offer.relid, bytes: copied.bytes.subarray(0, tx.lastLength) })
  }

  /** What a sender answers. */
  function sent(status: TxStatus): boolean {
    if (status === TxStatus.written) {
      if (trace !== undefined && role === 'host') traceSent()
      publish()
      return true
    }
    if (status === TxStatus.corrupt) failRing('read-index')
    else if (status === TxStatus.tooLarge)
      fail('VMBUS_PACKET_TOO_LARGE', `a packet to send never fits a ring of ${outgoing.size} bytes`, 'send-too-large')
    return false
  }

  /** Bytes that fit, 0 on a ring that is broken now. */
  function writableBytes(): number {
    if (!isOpen) return 0
    const bytes = tx.writable()
    if (bytes >= 0) return bytes
    failRing('read-index')
    return 0
  }

  function isReadable(): boolean {
    if (!isOpen) return false
    const status = rx.next()
    if (status === RxStatus.corrupt) failRing(rx.fault ?? 'write-index')
    return status === RxStatus.packet
  }

  function takeWritable(): boolean {
    if (wanted === 0 || writableBytes() < wanted) return false
    wanted = 0
    if (options.permanentPending === undefined) tx.setPending(0)
    return true
  }

  function receive(): Packet | undefined {
    while (isOpen) {
      const status = rx.next()
      if (status === RxStatus.empty) return undefined
      if (status === RxStatus.corrupt) {
        failRing(rx.fault ?? 'write-index')
        return undefined
      }
      if (rx.length > maxPacket) {
        fail(
          'VMBUS_PACKET_TOO_LONG',
          `a packet of ${rx.length} bytes, where ${maxPacket} are the limit`,
          'packet-limit',
        )
        return undefined
      }
      if (take()) return packet
    }
    return undefined
  }

  /** Copies the packet out and gives its room back. False for one that is ignored or fails the channel. */
  function take(): boolean {
    holdBytes(packet, rx.length)
    rx.copy(packet.bytes, packet.words)
    packet.type = rx.type
    packet.flags = rx.flags
    packet.transactionLow = rx.transactionLow
    packet.transactionHigh = rx.transactionHigh
    packet.payloadOffset = rx.payloadOffset
    packet.payloadLength = rx.length - rx.payloadOffset
    const { length } = rx
    rx.consume()
    if (rx.release()) signal()
    trace?.({ kind: 'packet', to: role, relid: offer.relid, bytes: packet.bytes.subarray(0, length) })
    const fault = packet.flags & ~FLAG_COMPLETION_REQUESTED ? 'packet-flags' : parse()
    if (fault === undefined) return true
    if (options.unknown === 'ignore' && (fault === 'packet-flags' || fault === 'packet-type')) {
      if (fault === 'packet-type' || parse() !== undefined) return false
      return true
    }
    fail(
      'VMBUS_PACKET_INVALID',
      `the peer sent a packet of type ${packet.type}, flags ${packet.flags}: ${fault}`,
      fault,
    )
    return false
  }

  if (saved === undefined) {
    const bits = options.featureBits ?? (role === 'guest' ? 'both' : 'out')
    if (!tx.valid) failRing('read-index')
    else if (!rx.valid) failRing('write-index')
    else {
      if (bits !== 'none') tx.setFeatureBits(FEATURE_PENDING_SEND_SIZE)
      if (bits === 'both') rx.setFeatureBits(FEATURE_PENDING_SEND_SIZE)
      tx.setPending(options.permanentPending ?? 0)
      rx.mask(false)
    }
  }

  return {
    offer,
    subchannelIndex: offer.subchannelIndex,
    userData: options.userData,
    get targetVp() {
      return targetVp
    },
    set targetVp(vp) {
      targetVp = vp
    },
    get isOpen() {
      return isOpen
    },
    get failure() {
      return failure
    },
    sendInBand: (payload, low, high, wantCompletion) =>
      isOpen && sent(tx.send(PacketType.inBand, wantCompletion ? FLAG_COMPLETION_REQUESTED : 0, payload, low, high)),
    sendCompletion: (payload, low, high) => isOpen && sent(tx.send(PacketType.completion, 0, payload, low, high)),
    sendGpaDirect: (ranges, payload, low, high) => isOpen && sent(writeGpaDirect(tx, ranges, payload, low, high)),
    sendTransferPages: (setId, ranges, payload, low, high) =>
      isOpen && sent(writeTransferPages(tx, setId, ranges, payload, low, high)),
    cork: () => {
      corked = true
    },
    uncork: () => {
      corked = false
      if (isOpen) publish()
    },
    receive,
    get readable() {
      return isReadable()
    },
    get writableBytes() {
      return writableBytes()
    },
    wantWritable: (bytes) => {
      if (!isOpen) return
      const rounded = (bytes + 7) & ~7
      if (rounded >= outgoing.size) {
        sent(TxStatus.tooLarge)
        return
      }
      wanted = rounded
      if (options.permanentPending === undefined) tx.setPending(rounded)
      // The peer may have read just before it could see the request.
      if (writableBytes() >= rounded) options.due?.()
    },
    mask: (masked) => {
      if (!isOpen) return
      rx.mask(masked)
      if (!masked && isReadable()) options.due?.()
    },
    gpadl: (id) => options.gpadl(id),
    fail: (code, message, branch) => fail(code, message, branch),
    interrupted: () => (takeWritable() ? Due.writable : 0) | (isReadable() ? Due.readable : 0),
    takeWritable,
    get mustPoll() {
      return isOpen && wanted > 0 && (options.polls === true || !rx.peerHonoursPending)
    },
    close: () => {
      isOpen = false
    },
    save: (): ChannelState & StateHead => ({
      ...CHANNEL_FORM.head,
      isOpen,
      failure: failure ?? null,
      targetVp,
      corked,
      wanted,
      out: tx.save(),
      in: rx.save(),
    }),
    inspect: () => ({
      isOpen,
      failure,
      targetVp,
      corked,
      wanted,
      writableBytes: isOpen ? Math.max(0, tx.writable()) : 0,
      out: tx.save(),
      in: rx.save(),
    }),
  }

  function areas({ role: end, pfns, downstreamOffset }: ChannelOptions): { outgoing: RingArea; incoming: RingArea } {
    const toHost = pfns.slice(0, downstreamOffset)
    const toGuest = pfns.slice(downstreamOffset)
    for (const pages of [toHost, toGuest]) {
      const fault = ringPagesFault(memory, pages)
      if (fault !== undefined)
        throw new CoreError('VMBUS_RING_INVALID', { field: 'pfns', value: fault, allowed: 'pages of guest RAM' })
    }
    const [guestToHost, hostToGuest] = [ringArea(memory, toHost), ringArea(memory, toGuest)]
    return end === 'host'
      ? { outgoing: hostToGuest, incoming: guestToHost }
      : { outgoing: guestToHost, incoming: hostToGuest }
  }

  function clearControl({ control }: RingArea): void {
    memory.words.fill(0, control, control + PAGE / 4)
  }
}
