import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { IcType, icHost, type IcHostState, type IcVersions } from '@vmbus/ic'
import { TICKS_PER_MS } from '@vmbus/world'
import {
  HOST_BODY,
  REFERENCE_FORM_SINCE,
  SAMPLE_INTERVAL_MS,
  TIMESYNC_VERSIONS,
  TimesyncFlags,
  timesyncData,
  timesyncRefData,
} from './protocol.ts'

export interface TimesyncHostOptions {
  readonly instanceId?: string
  /** Milliseconds between samples. */
  readonly intervalMs?: number
}

interface State {
  readonly v: 1
  ic: IcHostState
  nextAt: number
  /** The next message sets the clock instead of disciplining it. */
  syncDue: boolean
  syncs: number
  samples: number
  refused: number
}

export interface TimesyncHost extends HostDevice {
  /** Makes the next message, sent as soon as none is outstanding, set the guest's clock: after a resume, or on request. */
  sync(): void
  /** Messages answered: sync and sample, and those that the guest answered with a failure. */
  readonly counts: { readonly syncs: number; readonly samples: number; readonly refused: number }
}

/** First message after an opening is a sync; then samples, one outstanding at a time, so none is queued and late. */
export function timesyncHost(
  options: TimesyncHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = TIMESYNC_VERSIONS,
): TimesyncHost {
  const interval = (options.intervalMs ?? SAMPLE_INTERVAL_MS) * TICKS_PER_MS
  const idle = { nextAt: Infinity, syncDue: true, syncs: 0, samples: 0, refused: 0 }
  let state: Omit<State, 'v' | 'ic'> = { ...idle }

  const message = (flags: number): Uint8Array => {
    const reference = ic.message >= REFERENCE_FORM_SINCE
    const body = new Uint8Array(reference ? HOST_BODY.reference : HOST_BODY.legacy)
    const view = new DataView(body.buffer)
    if (reference) {
      timesyncRefData.write.parenttime(view, 0, deps.clock.fileTime())
      timesyncRefData.write.vmreferencetime(view, 0, BigInt(deps.clock.now()))
      timesyncRefData.write.flags(view, 0, flags)
    } else {
      timesyncData.write.parenttime(view, 0, deps.clock.fileTime())
      timesyncData.write.flags(view, 0, flags)
    }
    return body
  }

  const send = (): void => {
    state.nextAt = deps.clock.now() + interval
    deps.timers.set('sample', state.nextAt)
    const { syncDue } = state
    // The answer may come before `request` returns, and then asks whether a sync is due.
    state.syncDue = false
    if (!ic.request(message(syncDue ? TimesyncFlags.sync : TimesyncFlags.sample))) {
      state.syncDue = syncDue
      return
    }
    if (syncDue) state.syncs++
    else state.samples++
    deps.event(syncDue ? 'sync' : 'sample')
  }

  const ic = icHost(deps, versions, {
    type: IcType.timesync,
    ready: send,
    reply(status) {
      if (status !== 0) state.refused++
      if (state.syncDue) send()
    },
  })

  const close = (): void => {
    deps.timers.clear('sample')
    state.nextAt = Infinity
    ic.close()
  }

  return {
    get counts() {
      return { syncs: state.syncs, samples: state.samples, refused: state.refused }
    },
    sync() {
      state.syncDue = true
      if (ic.phase === 'ready' && !ic.outstanding) send()
    },
    open(channel) {
      state = { ...idle }
      return ic.open(channel)
    },
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (!ic.timer(name)) send()
    },
    save: (): State => ({ v: 1, ic: ic.save(), ...state }),
    restore(saved, channels) {
      const { v: _, ic: framing, ...rest } = saved as State
      state = rest
      ic.restore(framing, channels[0])
      if (state.nextAt !== Infinity) deps.timers.set('sample', state.nextAt)
    },
    inspect() {
      return { ...this.counts, ...ic.inspect() }
    },
  }
}
