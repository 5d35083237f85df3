import type { GuestMemory } from '@vmbus/hypervisor'
import type { ChannelEnd, ChannelEndOptions } from './channel-end.ts'
import { PacketType, type Gpadl, type Packet, type PageRange, type TransferRange } from './types.ts'

const PAGE = 4096

interface Ring {
  readonly pfns: readonly number[]
  readonly size: number
  readonly control: number
}

const ringOf = (pfns: readonly number[]): Ring => ({ pfns, size: (pfns.length - 1) * PAGE, control: (pfns[0] ?? 0) * PAGE })

/** Calls `each` for the stretches of guest memory that hold `length` bytes from ring offset `at`, wrapping at the end. */
function stretches(ring: Ring, at: number, length: number, each: (gpa: number, done: number, count: number) => void): void {
  let done = 0
  while (done < length) {
    const offset = (at + done) % ring.size
    const inPage = offset % PAGE
    const count = Math.min(PAGE - inPage, length - done)
    each((ring.pfns[1 + Math.floor(offset / PAGE)] ?? 0) * PAGE + inPage, done, count)
    done += count
  }
}

const align8 = (n: number): number => (n + 7) & ~7

export function plainEnd(options: ChannelEndOptions): ChannelEnd {
  const { memory, role, pfns, downstreamOffset } = options
  const toHost = ringOf(pfns.slice(0, downstreamOffset))
  const toGuest = ringOf(pfns.slice(downstreamOffset))
  const out = role === 'host' ? toGuest : toHost
  const input = role === 'host' ? toHost : toGuest
  let isOpen = true
  let corked = false
  let pending = -1
  let wanted = 0
  const saved = options.saved as { write: number; read: number; wanted: number } | undefined | null
  const word = (ring: Ring, byte: number): number => Atomics.load(memory.words, (ring.control + byte) >>> 2) >>> 0
  const put = (ring: Ring, byte: number, value: number): number => Atomics.store(memory.words, (ring.control + byte) >>> 2, value | 0)
  let write = saved?.write ?? word(out, 0)
  let read = saved?.read ?? word(input, 4)
  if (saved) wanted = saved.wanted
  else if (role === 'host') {
    put(out, 64, 1)
    put(out, 12, 0)
  }
  const scratch = new Uint8Array(out.size)
  const scratchView = new DataView(scratch.buffer)
  let buffer = new Uint8Array(4096)
  const packet = {
    type: 0, flags: 0, transactionLow: 0, transactionHigh: 0, bytes: buffer, view: new DataView(buffer.buffer),
    payloadOffset: 0, payloadLength: 0, gpaRanges: [] as PageRange[], transferSetId: 0, transferRanges: [] as TransferRange[],
  }

  const fail = (code: string, message: string): void => {
    isOpen = false
    options.diagnose?.({ code, source: 'channel', message, detail: { relid: options.offer.relid } })
  }

  const free = (): number => {
    const peer = word(out, 4)
    if (peer >= out.size || peer % 8 !== 0) {
      fail('VMBUS_RING_CORRUPT', 'peer read index')
      return 0
    }
    return write >= peer ? out.size - (write - peer) : peer - write
  }

  const publish = (before: number): void => {
    put(out, 0, write)
    if (word(out, 8) !== 0) return
    if (word(out, 4) === before) options.signal()
  }

  const send = (type: number, headerLength: number, payload: Uint8Array, low: number, high: number, completion: boolean): boolean => {
    if (!isOpen) return false
    const length = align8(headerLength + payload.length)
    if (free() <= length + 8 || length + 8 > scratch.length) return false
    scratchView.setUint16(0, type, true)
    scratchView.setUint16(2, headerLength / 8, true)
    scratchView.setUint16(4, length / 8, true)
    scratchView.setUint16(6, completion ? 1 : 0, true)
    scratchView.setUint32(8, low, true)
    scratchView.setUint32(12, high, true)
    scratch.set(payload, headerLength)
    scratch.fill(0, headerLength + payload.length, length)
    scratchView.setUint32(length, 0, true)
    scratchView.setUint32(length + 4, write, true)
    const bytes = memory.bytes
    stretches(out, write, length + 8, (gpa, done, count) => bytes.set(scratch.subarray(done, done + count), gpa))
    const before = write
    write = (write + length + 8) % out.size
    if (corked) {
      if (pending < 0) pending = before
    } else publish(before)
    return true
  }

  const parse = (length: number): boolean => {
    packet.gpaRanges.length = 0
    packet.transferRanges.length = 0
    packet.transferSetId = 0
    const { view } = packet
    if (packet.type === PacketType.gpaDirect) {
      const count = packet.payloadOffset >= 24 ? view.getUint32(20, true) : 0
      let at = 24
      for (let i = 0; i < count; i++) {
        if (at + 8 > packet.payloadOffset) return false
        const byteCount = view.getUint32(at, true)
        const byteOffset = view.getUint32(at + 4, true)
        const pages = Math.ceil((byteOffset + byteCount) / PAGE)
        at += 8
        if (byteOffset >= PAGE || at + 8 * pages > packet.payloadOffset) return false
        const list: number[] = []
        for (let p = 0; p < pages; p++, at += 8) list.push(view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000)
        packet.gpaRanges.push({ byteCount, byteOffset, pfns: list })
      }
      return count > 0
    }
    if (packet.type === PacketType.transferPages) {
      if (packet.payloadOffset < 24) return false
      packet.transferSetId = view.getUint16(16, true)
      const count = view.getUint32(20, true)
      if (24 + 8 * count > packet.payloadOffset) return false
      for (let i = 0; i < count; i++)
        packet.transferRanges.push({ byteCount: view.getUint32(24 + 8 * i, true), byteOffset: view.getUint32(28 + 8 * i, true) })
      return true
    }
    return length > 0 && (packet.type === PacketType.inBand || packet.type === PacketType.completion)
  }

  const available = (): number => {
    if (!isOpen) return 0
    const peer = word(input, 0)
    if (peer >= input.size || peer % 8 !== 0) {
      fail('VMBUS_RING_CORRUPT', 'peer write index')
      return 0
    }
    return peer >= read ? peer - read : input.size - (read - peer)
  }

  return {
    offer: options.offer,
    subchannelIndex: options.offer.subchannelIndex,
    targetVp: options.targetVp,
    userData: options.userData,
    get isOpen() {
      return isOpen
    },
    sendInBand: (payload, low, high, completion) => send(PacketType.inBand, 16, payload, low, high, completion),
    sendCompletion: (payload, low, high) => send(PacketType.completion, 16, payload, low, high, false),
    sendGpaDirect(ranges, payload, low, high) {
      let at = 24
      scratchView.setUint32(16, 0, true)
      scratchView.setUint32(20, ranges.length, true)
      for (const range of ranges) {
        if (at + 8 + 8 * range.pfns.length > scratch.length) return false
        scratchView.setUint32(at, range.byteCount, true)
        scratchView.setUint32(at + 4, range.byteOffset, true)
        at += 8
        for (const pfn of range.pfns) {
          scratchView.setUint32(at, pfn >>> 0, true)
          scratchView.setUint32(at + 4, Math.floor(pfn / 0x1_0000_0000), true)
          at += 8
        }
      }
      return send(PacketType.gpaDirect, at, payload, low, high, true)
    },
    sendTransferPages(setId, ranges, payload, low, high) {
      if (24 + 8 * ranges.length > scratch.length) return false
      scratchView.setUint32(16, setId & 0xffff, true)
      scratchView.setUint32(20, ranges.length, true)
      ranges.forEach((range, i) => {
        scratchView.setUint32(24 + 8 * i, range.byteCount, true)
        scratchView.setUint32(28 + 8 * i, range.byteOffset, true)
      })
      return send(PacketType.transferPages, 24 + 8 * ranges.length, payload, low, high, true)
    },
    cork() {
      corked = true
    },
    uncork() {
      corked = false
      const before = pending
      pending = -1
      if (before >= 0) publish(before)
    },
    receive(): Packet | undefined {
      const ready = available()
      if (ready === 0) return undefined
      const bytes = memory.bytes
      const head = new Uint8Array(16)
      if (ready < 24) {
        fail('VMBUS_RING_CORRUPT', 'less than a packet')
        return undefined
      }
      stretches(input, read, 16, (gpa, done, count) => head.set(bytes.subarray(gpa, gpa + count), done))
      const view = new DataView(head.buffer)
      const headerLength = view.getUint16(2, true) * 8
      const length = view.getUint16(4, true) * 8
      if (headerLength < 16 || length < headerLength || length + 8 > ready) {
        fail('VMBUS_PACKET_MALFORMED', `header ${headerLength}, length ${length}, available ${ready}`)
        return undefined
      }
      if (buffer.length < length) {
        buffer = new Uint8Array(align8(length * 2))
        packet.bytes = buffer
        packet.view = new DataView(buffer.buffer)
      }
      stretches(input, read, length, (gpa, done, count) => buffer.set(bytes.subarray(gpa, gpa + count), done))
      buffer.set(head)
      packet.type = view.getUint16(0, true)
      packet.flags = view.getUint16(6, true)
      packet.transactionLow = view.getUint32(8, true)
      packet.transactionHigh = view.getUint32(12, true)
      packet.payloadOffset = headerLength
      packet.payloadLength = length - headerLength
      const taken = length + 8
      read = (read + taken) % input.size
      put(input, 4, read)
      if (word(input, 64) & 1) {
        const want = word(input, 12)
        if (want !== 0) {
          const peer = word(input, 0)
          const now = peer >= read ? input.size - (peer - read) : read - peer
          if (now - taken <= want && now > want) options.signal()
        }
      }
      if (!parse(length)) {
        fail('VMBUS_PACKET_MALFORMED', `type ${packet.type}`)
        return undefined
      }
      options.trace?.({ kind: 'packet', to: role, relid: options.offer.relid, bytes: buffer.subarray(0, length) })
      return packet
    },
    get readable() {
      return available() > 0
    },
    get writableBytes() {
      return isOpen ? Math.max(0, free() - 8) : 0
    },
    wantWritable(bytes) {
      wanted = bytes
      put(out, 12, bytes)
    },
    mask(masked) {
      put(input, 8, masked ? 1 : 0)
    },
    gpadl: (id) => options.gpadl(id),
    fail,
    inspect: () => ({ isOpen, write, read }),
    takeWritable() {
      if (wanted === 0 || !isOpen || free() - 8 < wanted) return false
      wanted = 0
      put(out, 12, 0)
      return true
    },
    close() {
      isOpen = false
    },
    save: () => ({ write, read, wanted }),
  }
}

export function plainGrant(memory: GuestMemory, id: number, ranges: readonly PageRange[]): Gpadl {
  const byteLength = ranges.reduce((sum, range) => sum + range.byteCount, 0)
  const segments = (offset: number, length: number, into: Uint8Array[]): boolean => {
    if (!(offset >= 0 && length >= 0 && offset + length <= byteLength)) return false
    let skip = offset
    let left = length
    for (const range of ranges) {
      if (skip >= range.byteCount) {
        skip -= range.byteCount
        continue
      }
      while (left > 0 && skip < range.byteCount) {
        const at = range.byteOffset + skip
        const gpa = (range.pfns[Math.floor(at / PAGE)] ?? Infinity) * PAGE + (at % PAGE)
        const count = Math.min(PAGE - (at % PAGE), left, range.byteCount - skip)
        if (gpa + count > memory.size) return false
        into.push(memory.bytes.subarray(gpa, gpa + count))
        skip += count
        left -= count
      }
      skip = 0
      if (left === 0) break
    }
    return true
  }
  const copy = (offset: number, data: Uint8Array, toGuest: boolean): boolean => {
    const views: Uint8Array[] = []
    if (!segments(offset, data.length, views)) return false
    let done = 0
    for (const view of views) {
      if (toGuest) view.set(data.subarray(done, done + view.length))
      else data.set(view, done)
      done += view.length
    }
    return true
  }
  return { id, byteLength, ranges, read: (offset, into) => copy(offset, into, false), write: (offset, from) => copy(offset, from, true), segments }
}
