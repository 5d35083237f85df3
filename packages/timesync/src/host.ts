import type { HostDevice, HostDeviceDeps } from '@vmbus/core'
import { IcType, icHost, icHostState, type IcHostState, type IcVersions } from '@vmbus/ic'
import {
  TICKS_PER_MS,
  checkOptions,
  flag,
  integer,
  number,
  object,
  optional,
  restoreState,
  stateForm,
  text,
  type Shape,
} from '@vmbus/world'
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
  /** Milliseconds between samples, at least 1. */
  readonly intervalMs?: number
}

export const hostOptions: Shape<TimesyncHostOptions> = object<TimesyncHostOptions>({
  instanceId: optional(text),
  intervalMs: optional(integer(1)),
})

interface Samples {
  /** Reference time of the next message, Infinity while none is due. */
  nextAt: number
  /** The next message sets the clock instead of disciplining it. */
  syncDue: boolean
  syncs: number
  samples: number
  refused: number
}

const IDLE: Samples = { nextAt: Infinity, syncDue: true, syncs: 0, samples: 0, refused: 0 }

const stateOf = (versions: IcVersions) =>
  stateForm<Samples & { readonly ic: IcHostState }>('timesync', 1, {
    ic: icHostState(versions),
    nextAt: number(0),
    syncDue: flag,
    syncs: integer(),
    samples: integer(),
    refused: integer(),
  })

export interface TimesyncHost extends HostDevice {
  /** Makes the next message, sent as soon as none is outstanding, set the guest's clock: after a resume, or on request. */
  sync(): void
  /** Messages sent, sync and sample, and those that the guest answered with a failure. */
  readonly counts: { readonly syncs: number; readonly samples: number; readonly refused: number }
}

/**
 * First message after an opening is a sync; then samples, one outstanding at a time, so none is queued and late. Throws
 * OptionsError.
 */
export function timesyncHost(
  options: TimesyncHostOptions,
  deps: HostDeviceDeps,
  versions: IcVersions = TIMESYNC_VERSIONS,
): TimesyncHost {
  const { intervalMs = SAMPLE_INTERVAL_MS } = checkOptions('timesync', hostOptions, options)
  const form = stateOf(versions)
  let state: Samples = { ...IDLE }

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
    state.nextAt = deps.clock.now() + intervalMs * TICKS_PER_MS
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
      state = { ...IDLE }
      return ic.open(channel)
    },
    readable: (channel) => ic.readable(channel),
    close,
    // Nothing of the guest's is under way here: the host's own requests end.
    rescinded: close,
    timer(name) {
      if (!ic.timer(name)) send()
    },
    save: () => ({ ...form.head, ...state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, form),
    restore(saved, channels) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, form)
      state = own
      ic.restore(framing, channels[0])
      if (state.nextAt !== Infinity) deps.timers.set('sample', state.nextAt)
    },
    inspect() {
      return { ...this.counts, ...ic.inspect() }
    },
  }
}
