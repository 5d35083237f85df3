import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  framingOf,
  icGuest,
  icGuestFields,
  icGuestState,
  type IcGuestOptions,
  type IcGuestState,
} from '@vmbus/ic'
import { checkOptions, object, oneOf, optional, restoreState, stateForm, type Shape } from '@vmbus/world'
import {
  APPLICATION_STATE_OFFSET,
  ApplicationState,
  HEARTBEAT_VERSIONS,
  MIN_BODY,
  heartbeatMessage,
} from './protocol.ts'

export interface HeartbeatGuestOptions extends Partial<IcGuestOptions> {
  /** Reported with each answer when given; Linux and FreeBSD leave the host's bytes as they are. */
  readonly applicationState?: keyof typeof ApplicationState
}

export const guestOptions: Shape<HeartbeatGuestOptions> = object<HeartbeatGuestOptions>({
  ...icGuestFields,
  applicationState: optional(oneOf('unknown', 'healthy', 'critical', 'stopped')),
})

const FORM = stateForm<{ readonly ic: IcGuestState }>('heartbeat-driver', 1, { ic: icGuestState })

/** Answers each beat with the next sequence number. Throws OptionsError. */
export function heartbeatGuest(options: HeartbeatGuestOptions, deps: GuestDriverDeps): GuestDriver {
  checkOptions('heartbeat.driver', guestOptions, options)
  const short = options.malformed === 'ignore' ? undefined : HResult.invalidArgument
  const report = options.applicationState === undefined ? undefined : ApplicationState[options.applicationState]
  const ic = icGuest(deps, framingOf(options, HEARTBEAT_VERSIONS), {
    type: IcType.heartbeat,
    request({ view, bodyLength }) {
      if (bodyLength < MIN_BODY) return short
      heartbeatMessage.write.seq_num(
        view,
        At.body,
        BigInt.asUintN(64, heartbeatMessage.read.seq_num(view, At.body) + 1n),
      )
      if (report !== undefined && bodyLength >= APPLICATION_STATE_OFFSET + 4)
        view.setUint32(At.body + APPLICATION_STATE_OFFSET, report, true)
      return HResult.ok
    },
  })
  return {
    offered: (channel) => ic.offered(channel),
    opened: (channel, status) => ic.opened(channel, status),
    readable: (channel) => ic.readable(channel),
    rescinded: () => ic.reset(),
    save: () => ({ ...FORM.head, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore: (saved) => ic.restore(restoreState(saved, FORM).ic),
    inspect: () => ({ ...ic.state }),
  }
}
