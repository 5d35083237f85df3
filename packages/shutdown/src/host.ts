import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { IcType, icHost, type IcHostState, type IcVersions } from '@vmbus/ic'
import { TICKS_PER_SECOND } from '@vmbus/world'
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

const ANSWER_SECONDS = 60

export interface ShutdownRequest {
  readonly action?: ShutdownAction
  readonly force?: boolean
  readonly reason?: number
  readonly timeoutSeconds?: number
  /** At most 1023 UTF-16 units. */
  readonly message?: string
}

/** Why a request was not sent. */
export type ShutdownRefusal = 'not-connected' | 'busy' | 'not-supported'

interface State {
  readonly v: 1
  ic: IcHostState
  /** HRESULT of the last answer, -1 while there was none. */
  answer: number
  /** When the request that is under way has waited long enough; its answer is ignored from then on. */
  deadline: number
}

export interface ShutdownHost extends HostDevice {
  /**
   * Asks the guest; the answer comes as the event `answered` with the guest's HRESULT, before the guest acts, or the event
   * `abandoned` when the channel closes or the time ends first. Until a late answer comes the component stays `busy`.
   */
  request(request?: ShutdownRequest): 'sent' | ShutdownRefusal
  readonly ready: boolean
}

export function shutdownHost(
  options: ShutdownHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = SHUTDOWN_VERSIONS,
): ShutdownHost {
  const patience = (options.answerSeconds ?? ANSWER_SECONDS) * TICKS_PER_SECOND
  let answer = -1
  let deadline = Infinity
  const wait = (until: number): void => {
    deadline = until
    if (until === Infinity) deps.timers.clear('answer')
    else deps.timers.set('answer', until)
  }
  const abandon = (): void => {
    if (deadline === Infinity) return
    wait(Infinity)
    deps.event('abandoned')
  }
  const ic = icHost(deps, versions, {
    type: IcType.shutdown,
    ready: () => deps.event('ready'),
    reply(status) {
      if (deadline === Infinity) return
      wait(Infinity)
      answer = status
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
    request({ action = 'power-off', force = false, reason = REASON_PLANNED, timeoutSeconds = 0, message = '' } = {}) {
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
      wait(deps.clock.now() + patience)
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
    save: (): State => ({ v: 1, ic: ic.save(), answer, deadline }),
    restore(saved, channels) {
      const state = saved as State
      answer = state.answer
      deadline = state.deadline
      if (deadline !== Infinity) deps.timers.set('answer', deadline)
      ic.restore(state.ic, channels[0])
    },
    inspect: () => ({ ...ic.inspect(), ...(answer < 0 ? {} : { answer }) }),
  }
}
