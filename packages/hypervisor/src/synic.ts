import { claimSlot, fillSlot, isUnmasked, markPending, slotAddress } from './message-slot.ts'
import { FLAGS_PER_SINT, MAX_PAYLOAD, MESSAGE_TYPE } from './protocol.ts'
import { enabledPage } from './register.ts'
import { SINTS, type PartitionState, type VpState } from './state.ts'
import { HV_STATUS } from './status.ts'
import type { GuestMemory, HvStatus } from './types.ts'

const AUTO_EOI = 1 << 17
const POLLING = 1 << 18
/** Bytes of event flags of one SINT. */
const FLAG_BYTES = FLAGS_PER_SINT / 8

export interface SynicDeps {
  readonly state: PartitionState
  readonly memory: GuestMemory
  readonly vps: number
  /** Messages that may wait behind one slot. */
  readonly queueDepth: number
  interrupt(vp: number, vector: number, autoEoi: boolean): void
}

/**
 * What became of one attempt to put a message into a slot. `busy`: the guest was told, by the slot's pending flag, to
 * write EOM once it has freed it. `unavailable`: SynIC or message page off, or SINT masked.
 */
export type Delivery = 'delivered' | 'busy' | 'unavailable'

/** The synthetic interrupt controllers of all virtual processors (TLFS "Synthetic Interrupt Controller"). */
export interface Synic {
  ready(vp: number, sint: number): boolean
  /** One attempt, without queueing and without the interrupt, which `raise` sends. */
  place(vp: number, sint: number, type: number, payload: Uint8Array): Delivery
  raise(vp: number, sint: number): void
  post(vp: number, sint: number, type: number, payload: Uint8Array): HvStatus
  /** Delivers what waits behind a slot as far as the guest has made room. */
  retry(vp: number, sint: number): void
  signal(vp: number, sint: number, flag: number): HvStatus
  assert(vp: number, sint: number): HvStatus
}

export function createSynic(deps: SynicDeps): Synic {
  const { state, memory } = deps
  /** Slots whose queue is being drained; only set inside a call, so it is no state. */
  const draining = new Set<number>()

  const raise = (index: number, vp: VpState, sint: number): void => {
    const low = vp.sints[sint]?.low ?? POLLING
    if ((low & POLLING) === 0) deps.interrupt(index, low & 0xff, (low & AUTO_EOI) !== 0)
  }

  const place = (index: number, sint: number, type: number, payload: Uint8Array): Delivery => {
    const gpa = slotAddress(memory, state.vps[index], sint)
    if (gpa < 0) return 'unavailable'
    if (!claimSlot(memory, gpa)) return 'busy'
    fillSlot(memory, gpa, type, payload)
    return 'delivered'
  }

  const retry = (index: number, sint: number): void => {
    const vp = state.vps[index]
    const queue = vp?.queues[sint]
    if (vp === undefined || queue === undefined || queue.length === 0) return
    // The interrupt may make the guest's EOM re-enter here: the call that is already draining goes on by itself.
    const key = index * SINTS + sint
    if (draining.has(key)) return
    draining.add(key)
    try {
      for (let next = queue[0]; next !== undefined; next = queue[0]) {
        const gpa = slotAddress(memory, vp, sint)
        if (gpa < 0 || !claimSlot(memory, gpa)) break
        queue.shift()
        fillSlot(memory, gpa, next.type, next.payload)
        // Whoever still waits makes the guest write EOM; set before the interrupt, so that it sees the flag at once.
        if (queue.length > 0) markPending(memory, gpa)
        raise(index, vp, sint)
      }
    } finally {
      draining.delete(key)
    }
  }

  /** The status of naming this slot at all. */
  const check = (vp: number, sint: number): HvStatus => {
    if (!(vp >= 0 && vp < deps.vps)) return HV_STATUS.invalidVpIndex
    return sint >= 0 && sint < SINTS ? HV_STATUS.success : HV_STATUS.invalidParameter
  }

  return {
    place,
    raise(index, sint) {
      const vp = state.vps[index]
      if (vp !== undefined) raise(index, vp, sint)
    },
    retry,
    ready: (vp, sint) => slotAddress(memory, state.vps[vp], sint) >= 0,
    post(index, sint, type, payload) {
      const status = check(index, sint)
      if (status !== HV_STATUS.success) return status
      if (type === MESSAGE_TYPE.none || payload.length > MAX_PAYLOAD) return HV_STATUS.invalidParameter
      const vp = state.vps[index]
      const queue = vp?.queues[sint]
      if (vp === undefined || queue === undefined || slotAddress(memory, vp, sint) < 0)
        return HV_STATUS.invalidSynicState
      if (queue.length === 0 && place(index, sint, type, payload) === 'delivered') {
        raise(index, vp, sint)
        return HV_STATUS.success
      }
      if (queue.length >= deps.queueDepth) return HV_STATUS.insufficientBuffers
      queue.push({ type: type >>> 0, payload: payload.slice() })
      return HV_STATUS.success
    },
    signal(index, sint, flag) {
      const status = check(index, sint)
      if (status !== HV_STATUS.success) return status
      if (!(flag >= 0 && flag < FLAGS_PER_SINT)) return HV_STATUS.invalidParameter
      const vp = state.vps[index]
      if (vp === undefined || !isUnmasked(vp, sint)) return HV_STATUS.invalidSynicState
      const page = enabledPage(vp.siefp, memory.size)
      if (page < 0) return HV_STATUS.invalidSynicState
      const bit = 1 << (flag & 31)
      const before = Atomics.or(memory.words, (page + sint * FLAG_BYTES) / 4 + (flag >>> 5), bit)
      if ((before & bit) === 0) raise(index, vp, sint)
      return HV_STATUS.success
    },
    assert(index, sint) {
      const status = check(index, sint)
      if (status !== HV_STATUS.success) return status
      const vp = state.vps[index]
      if (vp === undefined || !isUnmasked(vp, sint)) return HV_STATUS.invalidSynicState
      raise(index, vp, sint)
      return HV_STATUS.success
    },
  }
}
