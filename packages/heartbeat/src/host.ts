import type { Channel, HostDevice, HostDeviceDeps } from '@vmbus/core'
import { At, IcType, icHost, icHostState, type IcHostState, type IcVersions } from '@vmbus/ic'
import {
  TICKS_PER_MS,
  checkOptions,
  integer,
  number,
  object,
  optional,
  restoreState,
  stateForm,
  text,
  u32,
  type Shape,
} from '@vmbus/world'
import {
  APPLICATION_STATE_OFFSET,
  ApplicationState,
  BEAT_INTERVAL_MS,
  HEARTBEAT_VERSIONS,
  MIN_BODY,
  heartbeatMessage,
} from './protocol.ts'

export interface HeartbeatHostOptions {
  readonly instanceId?: string
  /** Milliseconds between beats, at least 1. */
  readonly intervalMs?: number
}

export const hostOptions: Shape<HeartbeatHostOptions> = object<HeartbeatHostOptions>({
  instanceId: optional(text),
  intervalMs: optional(integer(1)),
})

/**
 * What Hyper-V Manager shows: nothing heard since the channel opened, answered in time, or beats lost. `ok` are guests that
 * report healthy applications; Linux and FreeBSD report nothing of theirs (VMHeartbeatStatus of the Hyper-V module of
 * PowerShell: OkApplicationsHealthy, OkApplicationsUnknown, OkApplicationsCritical).
 */
export type HeartbeatStatus =
  | 'no-contact'
  | 'ok'
  | 'ok-applications-unknown'
  | 'ok-applications-critical'
  | 'ok-applications-stopped'
  | 'lost-communication'

const ANSWERED: Readonly<Record<number, HeartbeatStatus>> = {
  [ApplicationState.healthy]: 'ok',
  [ApplicationState.critical]: 'ok-applications-critical',
  [ApplicationState.stopped]: 'ok-applications-stopped',
}

interface Beats {
  /** Of the last beat that was answered; the next carries it. */
  sequence: number
  /** Reference time of the next beat, Infinity while none is due. */
  nextAt: number
  answered: number
  lost: number
  missedInRow: number
  applicationState: number
}

const IDLE: Beats = { sequence: 0, nextAt: Infinity, answered: 0, lost: 0, missedInRow: 0, applicationState: 0 }

const stateOf = (versions: IcVersions) =>
  stateForm<Beats & { readonly ic: IcHostState }>('heartbeat', 1, {
    ic: icHostState(versions),
    sequence: integer(),
    nextAt: number(0),
    answered: integer(),
    lost: integer(),
    missedInRow: integer(),
    applicationState: u32,
  })

export interface HeartbeatHost extends HostDevice {
  readonly status: HeartbeatStatus
  /** Beats answered, beats that went by unanswered, and the application state of the last answer. */
  readonly counts: { readonly answered: number; readonly lost: number; readonly applicationState: number }
}

/**
 * One beat is outstanding at a time; each interval that finds it unanswered, and each wrong answer, counts as a lost beat.
 * Throws OptionsError.
 */
export function heartbeatHost(
  options: HeartbeatHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = HEARTBEAT_VERSIONS,
): HeartbeatHost {
  const { intervalMs = BEAT_INTERVAL_MS } = checkOptions('heartbeat', hostOptions, options)
  const form = stateOf(versions)
  const body = new Uint8Array(heartbeatMessage.size)
  const bodyView = new DataView(body.buffer)
  let beats: Beats = { ...IDLE }

  const lost = (): void => {
    beats.lost++
    beats.missedInRow++
    deps.event('lost', { lost: beats.lost })
  }

  const beat = (): void => {
    beats.nextAt = deps.clock.now() + intervalMs * TICKS_PER_MS
    deps.timers.set('beat', beats.nextAt)
    if (ic.outstanding) return lost()
    heartbeatMessage.write.seq_num(bodyView, 0, BigInt(beats.sequence))
    ic.request(body)
  }

  const answered = (status: number, view: DataView, bodyLength: number): void => {
    const sequence = bodyLength >= MIN_BODY ? heartbeatMessage.read.seq_num(view, At.body) : undefined
    if (status !== 0 || sequence !== BigInt(beats.sequence + 1)) {
      const message = 'answer is not the next sequence number'
      deps.diagnose({ code: 'VMBUS_HEARTBEAT_ANSWER', source: 'heartbeat', message })
      return lost()
    }
    beats.sequence++
    beats.answered++
    beats.missedInRow = 0
    if (bodyLength >= APPLICATION_STATE_OFFSET + 4)
      beats.applicationState = view.getUint32(At.body + APPLICATION_STATE_OFFSET, true)
    deps.event('beat', { sequence: beats.sequence, applicationState: beats.applicationState })
  }

  const ic = icHost(deps, versions, { type: IcType.heartbeat, ready: beat, reply: answered })

  const close = (): void => {
    deps.timers.clear('beat')
    beats.nextAt = Infinity
    ic.close()
  }

  return {
    get status() {
      if (beats.missedInRow > 0) return 'lost-communication'
      if (beats.answered === 0) return 'no-contact'
      return ANSWERED[beats.applicationState] ?? 'ok-applications-unknown'
    },
    get counts() {
      return { answered: beats.answered, lost: beats.lost, applicationState: beats.applicationState }
    },
    open(channel: Channel) {
      beats = { ...IDLE }
      return ic.open(channel)
    },
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (!ic.timer(name)) beat()
    },
    save: () => ({ ...form.head, ...beats, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      beats = own
      ic.restore(framing, channels[0])
      if (beats.nextAt !== Infinity) deps.timers.set('beat', beats.nextAt)
    },
    inspect() {
      return { status: this.status, ...this.counts, ...ic.inspect() }
    },
  }
}
