import { icGuestState, type IcAnswerable, type IcGuestState } from '@vmbus/ic'
import {
  bytes,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  stateForm,
  u32,
  type Shape,
  type StateForm,
} from '@vmbus/world'

/** An operation of the target, and the request that waits for it. */
export type Pending = { readonly kind: 'freeze' | 'thaw'; readonly answer: IcAnswerable; readonly deadline: number }

export interface VssGuestState {
  daemon: boolean
  /** `recovered`: thawed without the host. */
  frozen: 'no' | 'yes' | 'recovered'
  thawAt: number
  pending: Pending | undefined
  /** Operations that the target has not finished although their request is answered; the newest is last. */
  orphans: Pending['kind'][]
}

const operation: Shape<Pending['kind']> = oneOf('freeze', 'thaw')
export const FORM: StateForm<VssGuestState & { readonly ic: IcGuestState }> = stateForm<
  VssGuestState & { readonly ic: IcGuestState }
>('vss-driver', 1, {
  ic: icGuestState,
  daemon: flag,
  frozen: oneOf('no', 'yes', 'recovered'),
  thawAt: number(0),
  pending: optional(
    object<Pending>({
      kind: operation,
      answer: object<IcAnswerable>({ bytes: bytes(), transactionLow: u32, transactionHigh: u32 }),
      deadline: number(0),
    }),
  ),
  orphans: list(operation),
})
