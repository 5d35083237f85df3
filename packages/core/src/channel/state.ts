import { CoreError } from '../errors.ts'
import type { RxState, TxState } from '../ring/index.ts'

export const CHANNEL_FORMAT = 'vmbus-channel/1'

/** What `save` of a channel gives. */
export interface ChannelState {
  readonly format: typeof CHANNEL_FORMAT
  readonly isOpen: boolean
  readonly failure: string | null
  readonly targetVp: number
  readonly corked: boolean
  /** Bytes that `wantWritable` waits for, 0 when it does not. */
  readonly wanted: number
  readonly out: TxState
  readonly in: RxState
}

/** Throws VMBUS_STATE_INVALID for what `save` of a ring of these sizes cannot have given. */
export function checkState(saved: unknown, outSize: number, inSize: number): ChannelState {
  const state = saved as ChannelState
  if (typeof saved !== 'object' || saved === null || state.format !== CHANNEL_FORMAT) {
    throw new CoreError('VMBUS_STATE_INVALID', {
      field: 'format',
      value: String((saved as { format?: unknown } | null)?.format),
      allowed: CHANNEL_FORMAT,
    })
  }
  checkIndex('out.write', state.out.write, outSize)
  checkIndex('out.published', state.out.published, outSize)
  checkIndex('in.read', state.in.read, inSize)
  checkIndex('in.published', state.in.published, inSize)
  return state
}

function checkIndex(field: string, value: number, size: number): void {
  if (Number.isInteger(value) && value >= 0 && value < size && value % 8 === 0) return
  throw new CoreError('VMBUS_STATE_INVALID', { field, value, allowed: `a multiple of 8 below ${size}` })
}
