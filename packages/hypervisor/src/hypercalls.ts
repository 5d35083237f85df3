import type { Diagnose, TraceSink } from '@vmbus/world'
import { CONNECTION_ID_MASK, type PortTable } from './ports.ts'
import { PRIVILEGE_HIGH } from './privileges.ts'
import { HYPERCALL, HYPERCALL_FAST, MAX_PAYLOAD, hvInputPostMessage, hvInputSignalEvent } from './protocol.ts'
import type { PartitionState } from './state.ts'
import { HV_STATUS, hvStatusName } from './status.ts'
import type { GuestMemory, HvStatus, PartitionFeatures } from './types.ts'

/** Answer of `Partition.hypercall` when the machine shall raise #UD instead of returning. */
export const HYPERCALL_UNDEFINED = -1

/** Reserved bits of the control value: 30:27 of the low word, 15:12 and 31:28 of the high (wire/01 §6). */
const RESERVED_LOW = 0x7800_0000
const RESERVED_HIGH = 0xf000_f000
/** Bits 26:17: size of a variable header, which neither call has. */
const VARIABLE_HEADER = 0x07fe_0000
/** Rep count and rep start index in the high word: neither call repeats. */
const REPETITION = 0x0fff_0fff
const TWO_32 = 0x1_0000_0000
const PAGE = 4096
const POST_INPUT_BYTES = hvInputPostMessage.size
const SIGNAL_INPUT_BYTES = hvInputSignalEvent.size

export interface HypercallDeps {
  readonly state: PartitionState
  readonly features: PartitionFeatures
  readonly memory: GuestMemory
  readonly vps: number
  readonly ports: PortTable
  readonly trace: TraceSink | undefined
  readonly diagnose: Diagnose | undefined
}

export type Hypercall = (
  vp: number,
  controlLow: number,
  controlHigh: number,
  inputLow: number,
  inputHigh: number,
) => number

/**
 * The hypercalls that VMBus needs. Checks are made in the order of KVM (arch/x86/kvm/hyperv.c, kvm_hv_hypercall and
 * kvm_hvcall_signal_event) and QEMU (hw/hyperv/hyperv.c, hyperv_hcall_post_message): privilege 6, reserved bits 3,
 * unknown code 2, repetition or variable header 3, then those of the call.
 */
export function createHypercalls(deps: HypercallDeps): Hypercall {
  const { state, memory, ports, trace, diagnose } = deps
  const { read, offsets } = hvInputPostMessage
  const mayPost = (deps.features.privilegesHigh & PRIVILEGE_HIGH.postMessages) !== 0
  const maySignal = (deps.features.privilegesHigh & PRIVILEGE_HIGH.signalEvents) !== 0
  const message = new Uint8Array(POST_INPUT_BYTES)
  const messageView = new DataView(message.buffer)

  /** Connection id with reserved upper bits, and the flag number with its reserved half, as the two words of the input. */
  const signal = (vp: number, connection: number, flagWord: number): HvStatus => {
    if ((flagWord & 0xffff) !== 0) return HV_STATUS.invalidPortId
    if (flagWord !== 0 || (connection & ~CONNECTION_ID_MASK) !== 0) return HV_STATUS.invalidHypercallInput
    const port = ports.events.get(connection)
    return port === undefined ? HV_STATUS.invalidConnectionId : port(vp, 0)
  }

  const signalFromMemory = (vp: number, gpa: number): HvStatus => {
    if (gpa % SIGNAL_INPUT_BYTES !== 0) return HV_STATUS.invalidAlignment
    if (gpa + SIGNAL_INPUT_BYTES > memory.size) return HV_STATUS.insufficientMemory
    const { view } = memory
    return signal(vp, view.getUint32(gpa, true), view.getUint32(gpa + 4, true))
  }

  const post = (vp: number, gpa: number): HvStatus => {
    if (gpa % 8 !== 0 || (gpa % PAGE) + POST_INPUT_BYTES > PAGE) return HV_STATUS.invalidAlignment
    if (gpa + POST_INPUT_BYTES > memory.size) return HV_STATUS.insufficientMemory
    message.set(memory.bytes.subarray(gpa, gpa + POST_INPUT_BYTES))
    const size = read.payloadSize(messageView)
    if (size > MAX_PAYLOAD) return HV_STATUS.invalidHypercallInput
    const port = ports.messages.get(read.connectionId(messageView) & CONNECTION_ID_MASK)
    if (port === undefined) return HV_STATUS.invalidConnectionId
    return port(vp, read.messageType(messageView), message.subarray(offsets.payload, offsets.payload + size))
  }

  const run = (vp: number, controlLow: number, controlHigh: number, inputLow: number, inputHigh: number): HvStatus => {
    const code = controlLow & 0xffff
    const isSignal = code === HYPERCALL.signalEvent
    const isPost = code === HYPERCALL.postMessage
    if ((isSignal && !maySignal) || (isPost && !mayPost)) return HV_STATUS.accessDenied
    if ((controlLow & RESERVED_LOW) !== 0 || (controlHigh & RESERVED_HIGH) !== 0) return HV_STATUS.invalidHypercallInput
    if (!isSignal && !isPost) return HV_STATUS.invalidHypercallCode
    if ((controlLow & VARIABLE_HEADER) !== 0 || (controlHigh & REPETITION) !== 0) return HV_STATUS.invalidHypercallInput
    const isFast = (controlLow & HYPERCALL_FAST) !== 0
    if (isSignal) {
      return isFast
        ? signal(vp, inputLow >>> 0, inputHigh >>> 0)
        : signalFromMemory(vp, (inputHigh >>> 0) * TWO_32 + (inputLow >>> 0))
    }
    // A message does not fit into registers, so there is no fast form of this code.
    return isFast ? HV_STATUS.invalidHypercallCode : post(vp, (inputHigh >>> 0) * TWO_32 + (inputLow >>> 0))
  }

  return (vp, controlLow, controlHigh, inputLow, inputHigh) => {
    if ((state.guestOsId.low | state.guestOsId.high) === 0 || !(vp >= 0 && vp < deps.vps)) return HYPERCALL_UNDEFINED
    const status = run(vp, controlLow, controlHigh, inputLow, inputHigh)
    if (trace !== undefined) trace({ kind: 'hypercall', vp, code: controlLow & 0xffff, status })
    if (diagnose !== undefined && isMalformed(status)) {
      diagnose({
        code: 'VMBUS_HYPERCALL_REJECTED',
        source: 'hypervisor',
        message: `hypercall 0x${(controlLow & 0xffff).toString(16)} answered ${hvStatusName(status)}`,
        detail: { vp, status },
      })
    }
    return status
  }
}

/** Statuses that a correct driver never sees; an absent connection or full buffers are ordinary. */
function isMalformed(status: HvStatus): boolean {
  return status !== HV_STATUS.success && status <= HV_STATUS.insufficientMemory
}
