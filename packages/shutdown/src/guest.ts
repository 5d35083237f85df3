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
import {
  callable,
  checkOptions,
  list,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  type Shape,
} from '@vmbus/world'
import { SHUTDOWN_VERSIONS, ShutdownFlags, shutdownMessage, type ShutdownAction } from './protocol.ts'

export interface ShutdownGuestOptions extends Partial<IcGuestOptions> {
  /** Called after the answer is in the ring. */
  act(action: ShutdownAction, forced: boolean): void
  /** Actions that the guest can take; others are answered E_FAIL. The default is power off and restart. */
  readonly supports?: readonly ShutdownAction[]
}

/** The action of the flags, undefined for combinations that mean none. Linux drivers/hv/hv_util.c, shutdown_onchannelcallback. */
function actionOf(flags: number): ShutdownAction | undefined {
  switch (flags & ~ShutdownFlags.force) {
    case 0:
      return 'power-off'
    case ShutdownFlags.restart:
      return 'restart'
    case ShutdownFlags.hibernate:
      return 'hibernate'
    default:
      return undefined
  }
}

export const guestOptions: Shape<ShutdownGuestOptions> = object<ShutdownGuestOptions>({
  ...icGuestFields,
  act: callable<ShutdownGuestOptions['act']>(),
  supports: optional(list(oneOf('power-off', 'restart', 'hibernate'))),
})

const FORM = stateForm<{ readonly ic: IcGuestState }>('shutdown-driver', 1, { ic: icGuestState })

/** Answers first and acts afterwards, so that the host hears of it. Throws OptionsError. */
export function shutdownGuest(options: ShutdownGuestOptions, deps: GuestDriverDeps): GuestDriver {
  const { supports = ['power-off', 'restart'] } = checkOptions('shutdown.driver', guestOptions, options)
  const ic = icGuest(deps, framingOf(options, SHUTDOWN_VERSIONS), {
    type: IcType.shutdown,
    request({ view, bodyLength }) {
      if (bodyLength < shutdownMessage.size) return options.malformed === 'ignore' ? undefined : HResult.fail
      const action = actionOf(shutdownMessage.read.flags(view, At.body))
      return action !== undefined && supports.includes(action) ? HResult.ok : HResult.fail
    },
    answered({ view }, status) {
      if (status !== HResult.ok) return
      const flags = shutdownMessage.read.flags(view, At.body)
      const action = actionOf(flags)
      if (action === undefined) return
      deps.event('shutdown', { action })
      options.act(action, (flags & ShutdownFlags.force) !== 0)
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
