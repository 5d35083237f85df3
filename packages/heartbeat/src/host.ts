import type { Channel, HostDevice, HostDeviceDeps } from '@vmbus/core'
import { At, IcType, icHost, type IcHostState, type IcVersions } from '@vmbus/ic'
import { TICKS_PER_MS } from '@vmbus/world'
import {
  APPLICATION_STATE_OFFSET,
  BEAT_INTERVAL_MS,
  HEARTBEAT_VERSIONS,
  MIN_BODY,
  heartbeatMessage,
} from './protocol.ts'

export interface HeartbeatHostOptions {
  readonly instanceId?: string
  /** Milliseconds between beats. */
  readonly intervalMs?: number
}

/** What Hyper-V Manager shows: nothing heard since the channel opened, answered in time, or beats lost. */
export type HeartbeatStatus = 'no-contact' | 'ok' | 'lost-communication'

interface State {
  readonly v: 1
  ic: IcHostState
  sequence: number
  nextAt: number
  answered: number
  lost: number
  missedInRow: number
  applicationState: number
}

export interface HeartbeatHost extends HostDevice {
  readonly status: HeartbeatStatus
  /** Beats answered, beats that went by unanswered, and the application state of the last answer. */
  readonly counts: { readonly answered: number; readonly lost: number; readonly applicationState: number }
}

/** One beat is outstanding at a time; each interval that finds it unanswered, and each wrong answer, counts as a lost beat. */
export function heartbeatHost(
  options: HeartbeatHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = HEARTBEAT_VERSIONS,
): HeartbeatHost {
  const interval = (options.intervalMs ?? BEAT_INTERVAL_MS) * TICKS_PER_MS
  const idle = { sequence: 0, nextAt: Infinity, answered: 0, lost: 0, missedInRow: 0, applicationState: 0 }
  let state: Omit<State, 'v' | 'ic'> = { ...idle }
  const body = new Uint8Array(heartbeatMessage.size)
  const bodyView = new DataView(body.buffer)

  const arm = (): void => {
    state.nextAt = deps.clock.now() + interval
    deps.timers.set('beat', state.nextAt)
  }

  const lost = (): void => {
    state.lost++
    state.missedInRow++
    deps.event('lost', { lost: state.lost })
  }

  const beat = (): void => {
    arm()
    if (ic.outstanding) return lost()
    heartbeatMessage.write.seq_num(bodyView, 0, BigInt(state.sequence))
    ic.request(body)
  }

  const ic = icHost(deps, versions, {
    type: IcType.heartbeat,
    ready: beat,
    reply(status, view, bodyLength) {
      const sequence = bodyLength >= MIN_BODY ? heartbeatMessage.read.seq_num(view, At.body) : undefined
      if (status !== 0 || sequence !== BigInt(state.sequence + 1)) {
        deps.diagnose({
          code: 'VMBUS_HEARTBEAT_ANSWER',
          source: 'heartbeat',
          message: 'answer is not the next sequence number',
        })
        return lost()
      }
      state.sequence++
      state.answered++
      state.missedInRow = 0
      if (bodyLength >= APPLICATION_STATE_OFFSET + 4)
        state.applicationState = view.getUint32(At.body + APPLICATION_STATE_OFFSET, true)
      deps.event('beat', { sequence: state.sequence, applicationState: state.applicationState })
    },
  })

  const close = (): void => {
    deps.timers.clear('beat')
    state.nextAt = Infinity
    ic.close()
  }

  return {
    get status() {
      if (state.missedInRow > 0) return 'lost-communication'
      return state.answered > 0 ? 'ok' : 'no-contact'
    },
    get counts() {
      return { answered: state.answered, lost: state.lost, applicationState: state.applicationState }
    },
    open(channel: Channel) {
      state = { ...idle }
      return ic.open(channel)
    },
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (!ic.timer(name)) beat()
    },
    save: (): State => ({ v: 1, ic: ic.save(), ...state }),
    restore(saved, channels) {
      const { v: _, ic: framing, ...rest } = saved as State
      state = rest
      ic.restore(framing, channels[0])
      if (state.nextAt !== Infinity) deps.timers.set('beat', state.nextAt)
    },
    inspect() {
      return { status: this.status, ...this.counts, ...ic.inspect() }
    },
  }
}
