import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { IcType, icHost, type IcHostState, type IcVersions } from '@vmbus/ic'
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
}

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
}

export interface ShutdownHost extends HostDevice {
  /** Asks the guest; the answer comes as the event `answered` with the guest's HRESULT, before the guest acts. */
  request(request?: ShutdownRequest): 'sent' | ShutdownRefusal
  readonly ready: boolean
}

export function shutdownHost(
  _options: ShutdownHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = SHUTDOWN_VERSIONS,
): ShutdownHost {
  let answer = -1
  const ic = icHost(deps, versions, {
    type: IcType.shutdown,
    ready: () => deps.event('ready'),
    reply(status) {
      answer = status
      deps.event('answered', { status })
    },
    abandoned: () => deps.event('abandoned'),
  })

  const supports = (action: ShutdownAction): boolean =>
    action === 'power-off' || ic.state.message >= (action === 'restart' ? RESTART_SINCE : HIBERNATE_SINCE)

  return {
    get ready() {
      return ic.state.phase === 'ready'
    },
    request({ action = 'power-off', force = false, reason = REASON_PLANNED, timeoutSeconds = 0, message = '' } = {}) {
      if (ic.state.phase !== 'ready') return 'not-connected'
      if (ic.state.outstanding) return 'busy'
      if (!supports(action)) return 'not-supported'
      const kind = action === 'restart' ? ShutdownFlags.restart : action === 'hibernate' ? ShutdownFlags.hibernate : 0
      const body = shutdownMessage.toBytes({
        reason_code: reason >>> 0,
        timeout_seconds: timeoutSeconds,
        flags: kind | (force ? ShutdownFlags.force : 0),
        display_message: message.slice(0, 1023),
      })
      return ic.request(body) ? 'sent' : 'busy'
    },
    open: (channel) => ic.open(channel),
    readable: (channel) => ic.readable(channel),
    close: () => ic.close(),
    // Nothing of the guest's is under way here: the host's own request ends.
    rescinded: () => ic.close(),
    save: (): State => ({ v: 1, ic: ic.save(), answer }),
    restore(saved, channels) {
      const state = saved as State
      answer = state.answer
      ic.restore(state.ic, channels[0])
    },
    inspect: () => ({ ...ic.inspect(), ...(answer < 0 ? {} : { answer }) }),
  }
}
