import { PartitionError } from './errors.ts'
import { HYPERCALL_UNDEFINED } from './hypercalls.ts'
import { MSR } from './msrs/numbers.ts'
import {
  FLAGS_PER_SINT,
  HYPERCALL,
  HYPERCALL_FAST,
  MAX_PAYLOAD,
  MESSAGE_PENDING,
  MESSAGE_TYPE,
  SLOT_BYTES,
  VMBUS_SINT,
  hvInputPostMessage,
  hvInputSignalEvent,
  hvReferenceTscPage,
  hvSynicSint,
} from './protocol.ts'
import { SINT_MASKED } from './state.ts'
import { referenceTimeAt } from './time.ts'
import type { CpuidResult, GuestMemory, HvStatus, Partition } from './types.ts'

const TWO_32 = 0x1_0000_0000
const ENABLE = 1n
const PAGE_MASK = ~0xfffn

export interface SynicPages {
  /** GPAs of two pages of the guest's own. */
  readonly messagePage: number
  readonly eventFlagsPage: number
  /** IDT vector, 16…255. */
  readonly vector: number
  /** Default 2, that of VMBus. */
  readonly sint?: number
  /** For hosts that do not set "deprecate auto-EOI". Default false. */
  readonly autoEoi?: boolean
}

/**
 * One virtual processor from the inside: what a driver executes there, through the same traps as a real kernel's. It
 * has no state of its own; a driver keeps the addresses of its pages.
 *
 * Registers that the host refuses throw PartitionError VMBUS_GUEST_FAULT, as the fault would stop the driver.
 */
export interface GuestProcessor {
  readonly vp: number
  cpuid(leaf: number): CpuidResult
  rdmsr(msr: number): bigint
  wrmsr(msr: number, value: bigint): void
  /** Guest identity, then the hypercall page at `pageAddress`. */
  enableHypercalls(guestId: bigint, pageAddress: number): void
  /** Message page, event flags page, SINT, control: the order of Linux (drivers/hv/hv.c, hv_synic_enable_regs). */
  enableSynic(pages: SynicPages): void
  /** SINT, message page, event flags page, control (hv_synic_disable_regs). */
  disableSynic(sint?: number): void
  /** Reference time by MSR, 100 ns units. */
  referenceTime(): number
  /**
   * Takes the message out of a slot into `into` (256 bytes) and tells the host when another waits. False: the slot is
   * empty. A handler looks at the event flags first, then at messages (Linux vmbus_isr).
   */
  takeMessage(messagePage: number, sint: number, into: Uint8Array): boolean
  /**
   * Posts `payload` (0…240 bytes, else VMBUS_PARTITION_OPTION) through an input page of the guest. Throws VMBUS_GUEST_FAULT
   * on #UD.
   */
  postMessage(inputPage: number, connection: number, messageType: number, payload: Uint8Array): HvStatus
  /** Signals by registers. Allocates nothing. Throws VMBUS_GUEST_FAULT on #UD. */
  signalEvent(connection: number): HvStatus
  /** Signals by an input of 8 bytes in memory. */
  signalEventSlow(input: number, connection: number, flag: number): HvStatus
}

export function guestProcessor(partition: Partition, vp = 0): GuestProcessor {
  const out = new Uint32Array(2)
  const fault = (what: string): PartitionError =>
    new PartitionError('VMBUS_GUEST_FAULT', `${what} on virtual processor ${vp}`)
  const rdmsr = (msr: number): bigint => {
    if (!partition.rdmsr(vp, msr, out)) throw fault(`#GP reading MSR 0x${msr.toString(16)}`)
    return (BigInt(out[1] ?? 0) << 32n) | BigInt(out[0] ?? 0)
  }
  const write = (msr: number, low: number, high: number): void => {
    if (!partition.wrmsr(vp, msr, low, high)) throw fault(`#GP writing MSR 0x${msr.toString(16)}`)
  }
  const wrmsr = (msr: number, value: bigint): void =>
    write(msr, Number(BigInt.asUintN(32, value)), Number(BigInt.asUintN(32, value >> 32n)))
  const call = (control: number, low: number, high: number): HvStatus => {
    const result = partition.hypercall(vp, control, 0, low, high, 0, 0)
    if (result === HYPERCALL_UNDEFINED) throw fault('#UD')
    return result & 0xffff
  }
  /** Keeps the reserved bits, as every driver does. */
  const setPage = (msr: number, address: number): void =>
    wrmsr(msr, (rdmsr(msr) & ~PAGE_MASK) | BigInt(address) | ENABLE)
  const clearPage = (msr: number): void => wrmsr(msr, rdmsr(msr) & ~PAGE_MASK & ~ENABLE)
  const reservedOfSint = (sint: number): bigint => rdmsr(MSR.sint0 + sint) & ~BigInt(0x7_00ff)

  return {
    vp,
    rdmsr,
    wrmsr,
    cpuid(leaf) {
      const result: CpuidResult = { eax: 0, ebx: 0, ecx: 0, edx: 0 }
      partition.cpuid(vp, leaf, 0, result)
      return result
    },
    enableHypercalls(guestId, pageAddress) {
      wrmsr(MSR.guestOsId, guestId)
      setPage(MSR.hypercall, pageAddress)
    },
    enableSynic({ messagePage, eventFlagsPage, vector, sint = VMBUS_SINT, autoEoi = false }) {
      setPage(MSR.simp, messagePage)
      setPage(MSR.siefp, eventFlagsPage)
      const view = new DataView(new ArrayBuffer(hvSynicSint.size))
      hvSynicSint.encode({ value: { vector, masked: 0, autoEoi: autoEoi ? 1 : 0, polling: 0 } }, view)
      wrmsr(MSR.sint0 + sint, reservedOfSint(sint) | view.getBigUint64(0, true))
      wrmsr(MSR.scontrol, rdmsr(MSR.scontrol) | ENABLE)
    },
    disableSynic(sint = VMBUS_SINT) {
      wrmsr(MSR.sint0 + sint, rdmsr(MSR.sint0 + sint) | BigInt(SINT_MASKED))
      clearPage(MSR.simp)
      clearPage(MSR.siefp)
      wrmsr(MSR.scontrol, rdmsr(MSR.scontrol) & ~ENABLE)
    },
    referenceTime() {
      if (!partition.rdmsr(vp, MSR.timeReferenceCount, out)) throw fault('#GP reading the reference time')
      return (out[1] ?? 0) * TWO_32 + (out[0] ?? 0)
    },
    takeMessage(messagePage, sint, into) {
      const { bytes, words } = partition.memory
      const slot = messagePage + sint * SLOT_BYTES
      const word = slot / 4
      const type = Atomics.load(words, word)
      if (type === MESSAGE_TYPE.none) return false
      // All of it out before the slot is free: the host may write the next message at once.
      into.set(bytes.subarray(slot, slot + SLOT_BYTES))
      if (Atomics.compareExchange(words, word, type, MESSAGE_TYPE.none) !== type) return true
      if ((Atomics.load(words, word + 1) & MESSAGE_PENDING) !== 0) write(MSR.eom, 0, 0)
      return true
    },
    postMessage(inputPage, connection, messageType, payload) {
      if (payload.length > MAX_PAYLOAD)
        throw new PartitionError('VMBUS_PARTITION_OPTION', `message of ${payload.length} bytes exceeds ${MAX_PAYLOAD}`)
      const { view, bytes } = partition.memory
      const { write: put, offsets } = hvInputPostMessage
      put.connectionId(view, inputPage, connection)
      view.setUint32(inputPage + 4, 0, true)
      put.messageType(view, inputPage, messageType)
      put.payloadSize(view, inputPage, payload.length)
      bytes.set(payload, inputPage + offsets.payload)
      return call(HYPERCALL.postMessage, inputPage >>> 0, Math.floor(inputPage / TWO_32))
    },
    signalEvent: (connection) => call(HYPERCALL_FAST | HYPERCALL.signalEvent, connection, 0),
    signalEventSlow(input, connection, flag) {
      hvInputSignalEvent.encode({ connectionId: connection, flagNumber: flag }, partition.memory.view, input)
      return call(HYPERCALL.signalEvent, input >>> 0, Math.floor(input / TWO_32))
    },
  }
}

/**
 * Tests and clears the event flags of a SINT, lowest first; flag 0 is reserved and skipped, as every driver does.
 * `visit` is called once for each flag that was set. Allocates nothing.
 */
export function takeEventFlags(
  memory: GuestMemory,
  eventFlagsPage: number,
  sint: number,
  visit: (flag: number) => void,
): void {
  const first = (eventFlagsPage + (sint * FLAGS_PER_SINT) / 8) / 4
  for (let word = 0; word < FLAGS_PER_SINT / 32; word++) {
    const words = memory.words
    // 64 words an interrupt: loads of 5 to 10 ns each where another thread may write them, and none elsewhere.
    let set = memory.concurrent === true ? Atomics.load(words, first + word) : (words[first + word] ?? 0)
    if (word === 0) set &= ~1
    while (set !== 0) {
      const bit = set & -set
      set &= ~bit
      if ((Atomics.and(words, first + word, ~bit) & bit) !== 0) visit(word * 32 + 31 - Math.clz32(bit))
    }
  }
}

/** Sets a channel's trigger in the guest-to-host monitor page: the signal that costs no hypercall (wire/01 §8). */
export function triggerMonitor(memory: GuestMemory, monitorPage: number, monitorId: number): void {
  Atomics.or(memory.words, (monitorPage + 8 + (monitorId >>> 5) * 8) / 4, 1 << (monitorId & 31))
}

/** Reference time by the reference TSC page, or undefined when the page says to read the MSR. */
export function referenceTimeFromPage(memory: GuestMemory, page: number, tsc: bigint): bigint | undefined {
  const { tscSequence, tscScale, tscOffset } = hvReferenceTscPage.decode(memory.view, page)
  return tscSequence === 0 ? undefined : referenceTimeAt(tsc, tscScale, tscOffset)
}
