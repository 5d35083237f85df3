import { MESSAGE_PENDING, MESSAGE_TYPE, PAYLOAD_OFFSET, SLOT_BYTES } from './protocol.ts'
import { enabledPage, isEnabled } from './register.ts'
import { SINT_MASKED, type VpState } from './state.ts'
import type { GuestMemory } from './types.ts'

export function isUnmasked(vp: VpState, sint: number): boolean {
  const register = vp.sints[sint]
  return register !== undefined && (register.low & SINT_MASKED) === 0 && isEnabled(vp.scontrol)
}

/** GPA of a slot that can take messages, or -1. */
export function slotAddress(memory: GuestMemory, vp: VpState | undefined, sint: number): number {
  if (vp === undefined || !isUnmasked(vp, sint)) return -1
  const page = enabledPage(vp.simp, memory.size)
  return page < 0 ? -1 : page + sint * SLOT_BYTES
}

/** Asks the guest to write EOM once it has freed the slot. */
export const markPending = ({ words }: GuestMemory, gpa: number): void => {
  Atomics.or(words, gpa / 4 + 1, MESSAGE_PENDING)
}

/**
 * True when the guest has freed the slot. A busy one is marked first and looked at again, because the guest frees it
 * and then reads the mark: in one of the two orders somebody notices.
 */
export function claimSlot(memory: GuestMemory, gpa: number): boolean {
  if (Atomics.load(memory.words, gpa / 4) === MESSAGE_TYPE.none) return true
  markPending(memory, gpa)
  return Atomics.load(memory.words, gpa / 4) === MESSAGE_TYPE.none
}

export function fillSlot(memory: GuestMemory, gpa: number, type: number, payload: Uint8Array): void {
  const { bytes, words } = memory
  const word = gpa / 4
  words[word + 1] = payload.length
  words[word + 2] = 0
  words[word + 3] = 0
  bytes.set(payload, gpa + PAYLOAD_OFFSET)
  bytes.fill(0, gpa + PAYLOAD_OFFSET + payload.length, gpa + SLOT_BYTES)
  Atomics.store(words, word, type | 0)
  memory.wrote(gpa, SLOT_BYTES)
}
