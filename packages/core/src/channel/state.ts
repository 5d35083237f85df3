import { flag, integer, nullable, object, restoreState, stateForm, text, u32 } from '@vmbus/world'
import type { RxState, TxState } from '../ring/index.ts'
import { stateError } from '../saved.ts'

/** What `save` of a channel gives, with its head. */
export interface ChannelState {
  readonly isOpen: boolean
  readonly failure: string | null
  readonly targetVp: number
  readonly corked: boolean
  /** Bytes that `wantWritable` waits for, 0 when it does not. */
  readonly wanted: number
  readonly out: TxState
  readonly in: RxState
}

const index = integer()
export const CHANNEL_FORM = stateForm<ChannelState>('channel', 2, {
  isOpen: flag,
  failure: nullable(text),
  targetVp: u32,
  corked: flag,
  wanted: integer(),
  out: object<TxState>({ write: index, published: index }),
  in: object<RxState>({ read: index, published: index }),
})

/** Throws StateError (VMBUS_STATE_INVALID) for what `save` of a channel with rings of these sizes cannot have given. */
export function checkState(saved: unknown, outSize: number, inSize: number): ChannelState {
  const state = restoreState(saved, CHANNEL_FORM)
  checkIndex('out.write', state.out.write, outSize)
  checkIndex('out.published', state.out.published, outSize)
  checkIndex('in.read', state.in.read, inSize)
  checkIndex('in.published', state.in.published, inSize)
  return state
}

function checkIndex(field: string, value: number, size: number): void {
  if (value < size && value % 8 === 0) return
  throw stateError(`channel.${field}`, value, `a multiple of 8 below ${size}`)
}

/** The same of the pages of both rings, before there is a channel. */
export function checkChannelState(
  saved: unknown,
  role: 'host' | 'guest',
  { pages, downstreamOffset }: { readonly pages: number; readonly downstreamOffset: number },
): void {
  // A ring's first page is its control page.
  const toHost = (downstreamOffset - 1) * 4096
  const toGuest = (pages - downstreamOffset - 1) * 4096
  if (role === 'host') checkState(saved, toGuest, toHost)
  else checkState(saved, toHost, toGuest)
}
