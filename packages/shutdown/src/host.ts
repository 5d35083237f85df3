import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { IcType, icHost, icHostState, type IcHostState, type IcVersions, setDeadline } from '@vmbus/ic'
import {
  TICKS_PER_SECOND,
  checkOptions,
  flag,
  integer,
  number,
  object,
  oneOf,
  optional,
  restoreState,
  stateForm,
  text,
  u32,
  type Shape,
} from '@vmbus/world'
import {
  HIBERNATE_SINCE,
  REASON_PLANNED,
  RESTART_SINCE,
  SHUTDOWN_VERSIONS,
  ShutdownFlags,
  shutdownMessage,
  type ShutdownAction,
} from './protocol.ts'

export interface ShutdownHostOptions {
  readonly instanceId?: string
  /** How long a request waits for its answer. Default 60: a guest answers before it acts. */
  readonly answerSeconds?: number
}

export const hostOptions: Shape<ShutdownHostOptions> = object<ShutdownHostOptions>({
  instanceId: optional(text),
  answerSeconds: optional(number(0, Number.MAX_SAFE_INTEGER / TICKS_PER_SECOND)),
})

const ANSWER_SECONDS = 60

export interface ShutdownRequest {
  readonly action?: ShutdownAction
  readonly force?: boolean
  readonly reason?: number
  readonly timeoutSeconds?: number
  /** At most 1023 UTF-16 units. */
  readonly message?: string
}

const requestShape: Shape<ShutdownRequest> = object<ShutdownRequest>({
  action: optional(oneOf('power-off', 'restart', 'hibernate')),
  force: optional(flag),
  reason: optional(integer(-(2 ** 31), 2 ** 32 - 1)),
  timeoutSeconds: optional(u32),
  message: optional(text),
})

/** Why a request was not sent. */
export type ShutdownRefusal = 'not-connected' | 'busy' | 'not-supported'

interface State {
  readonly ic: IcHostState
  /** HRESULT of the last answer, -1 while there was none. */
  readonly answer: number
  /** When the request that is under way has waited long enough; its answer is ignored from then on. */
  readonly deadline: number
}

const stateOf = (versions: IcVersions) =>
  stateForm<State>('shutdown', 1, {
    ic: icHostState(versions),
    answer: integer(-1, 2 ** 32 - 1),
    deadline: number(0),
  })

export interface ShutdownHost extends HostDevice {
  /**
   * Asks the guest; the answer comes as the event `answered` with the guest's HRESULT, before the guest acts, or the event
   * `abandoned` when the channel closes or the time ends first. Until a late answer comes the component stays `busy`. The
   * answer may come before this returns. Throws OptionsError.
   */
  request(request?: ShutdownRequest): 'sent' | ShutdownRefusal
  readonly ready: boolean
}

/** Asks the guest to power off, restart or hibernate, one request at a time. Throws OptionsError. */
export function shutdownHost(
  options: ShutdownHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = SHUTDOWN_VERSIONS,
): ShutdownHost {
  const { answerSeconds = ANSWER_SECONDS } = checkOptions('shutdown', hostOptions, options)
  const form = stateOf(versions)
  const state = { answer: -1, deadline: Infinity }
  const wait = (until: number): void => setDeadline(deps, state, 'answer', until)
  const abandon = (): void => {
    if (state.deadline === Infinity) return
    wait(Infinity)
    deps.event('abandoned')
  }
  const ic = icHost(deps, versions, {
    type: IcType.shutdown,
    ready: () => deps.event('ready'),
    reply(status) {
      if (state.deadline === Infinity) return
      wait(Infinity)
      state.answer = status
      deps.event('answered', { status })
    },
    abandoned: abandon,
  })

  const supports = (action: ShutdownAction): boolean =>
    action === 'power-off' || ic.message >= (action === 'restart' ? RESTART_SINCE : HIBERNATE_SINCE)

  return {
    get ready() {
      return ic.phase === 'ready'
    },
    request(request = {}) {
      const checked = checkOptions('shutdown.request', requestShape, request)
      const { action = 'power-off', force = false, reason = REASON_PLANNED, timeoutSeconds = 0, message = '' } = checked
      if (ic.phase !== 'ready') return 'not-connected'
      if (ic.outstanding) return 'busy'
      if (!supports(action)) return 'not-supported'
      const kind = action === 'restart' ? ShutdownFlags.restart : action === 'hibernate' ? ShutdownFlags.hibernate : 0
      const body = shutdownMessage.toBytes({
        reason_code: reason >>> 0,
        timeout_seconds: timeoutSeconds,
        flags: kind | (force ? ShutdownFlags.force : 0),
        display_message: message.slice(0, 1023),
      })
      wait(deps.clock.now() + answerSeconds * TICKS_PER_SECOND)
      if (ic.request(body)) return 'sent'
      wait(Infinity)
      return 'busy'
    },
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close: () => ic.close(),
    // Nothing of the guest's is under way here: the host's own request ends.
    rescinded: () => ic.close(),
    timer(name) {
      if (!ic.timer(name)) abandon()
    },
    save: () => ({ ...form.head, ic: ic.save(), ...state }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const taken = restoreState(saved, form)
      state.answer = taken.answer
      state.deadline = taken.deadline
      if (state.deadline !== Infinity) deps.timers.set('answer', state.deadline)
      ic.restore(taken.ic, channels[0])
    },
    inspect: () => ({ ...ic.inspect(), ...(state.answer < 0 ? {} : { answer: state.answer }) }),
  }
}
