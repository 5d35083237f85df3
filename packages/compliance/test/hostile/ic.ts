import { IC_GUEST_REJECTS, IC_HOST_REJECTS } from '@vmbus/ic'
import type { AttackedEnd } from '../../src/index.ts'

/** Where type, status and body of a component's message stand behind the pipe's header (wire/06 §1). */
const AT = { type: 12, status: 20, body: 28 } as const
/** Flags of an answer: transaction and response. */
const RESPONSE = 5

/** A component's host: its phase, and the stage of the component when that has one. */
export const icHostEnd: AttackedEnd = {
  short: ['message-short', 'message-type', 'message-length'],
  state: ({ phase, outstanding, stage }) =>
    [phase, ...(outstanding === true ? ['waiting'] : []), stage].filter((part) => typeof part === 'string').join(' '),
  // An answer to the negotiation, with versions that may or may not have been offered (wire/06 §1).
  forge(choose) {
    const bytes = new Uint8Array(44)
    const view = new DataView(bytes.buffer)
    bytes.set([1, 0, 0, 0, 36], 0)
    bytes.set([16, 0, 0, 0, 0, 0, 0, RESPONSE], 18)
    view.setUint16(AT.body, choose.chance(80) ? 1 : choose.below(3), true)
    view.setUint16(AT.body + 2, choose.chance(80) ? 1 : choose.below(3), true)
    for (const at of [8, 12]) view.setUint16(AT.body + at, choose.chance(80) ? 3 : choose.below(8), true)
    return { payload: bytes }
  },
}

/** A component's guest refuses by the status of its answers: each with its operation is a branch. */
export const icGuestEnd = (
  type: number,
  operationBytes: 0 | 1 | 4,
  state?: (inspected: Record<string, unknown>) => string,
): AttackedEnd => ({
  short: ['message-short', 'message-type'],
  state: (inspected) =>
    `${inspected['message'] === 0 ? 'new' : 'negotiated'}${state === undefined ? '' : ` ${state(inspected)}`}`,
  refusal(payload) {
    if (payload.length < AT.body + 4) return undefined
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
    const status = view.getUint32(AT.status, true)
    if (view.getUint16(AT.type, true) !== type || status === 0) return undefined
    const operation =
      operationBytes === 0 ? 0 : operationBytes === 1 ? view.getUint8(AT.body) : view.getUint32(AT.body, true)
    return operationBytes === 0
      ? refused(status)
      : operation > 8
        ? `unknown ${refused(status)}`
        : `${operation} ${refused(status)}`
  },
})

const refused = (status: number): string => `0x${status.toString(16)}`

export const IC_HOST = Object.keys(IC_HOST_REJECTS)
export const IC_GUEST = Object.keys(IC_GUEST_REJECTS)
