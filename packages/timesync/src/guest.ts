import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  framingOf,
  icGuest,
  type IcGuestOptions,
  type IcGuestState,
  type IcRequest,
} from '@vmbus/ic'
import { TICKS_PER_SECOND } from '@vmbus/world'
import {
  REFERENCE_FORM_SINCE,
  STALE_AFTER_SECONDS,
  TIMESYNC_VERSIONS,
  TimesyncFlags,
  timesyncData,
  timesyncRefData,
} from './protocol.ts'

/** The clock of the operating system that the driver serves; times are FILETIMEs of the present instant. */
export interface GuestClock {
  set(fileTime: bigint): void
  /** Discipline towards `fileTime`; called only for samples that are fresh and over the threshold. */
  discipline?(fileTime: bigint): void
  now(): bigint
}

export interface TimesyncGuestOptions extends Partial<IcGuestOptions> {
  readonly clock: GuestClock
  /** Samples closer to the guest's clock than this are ignored; 0 turns samples off (100 ns units). */
  readonly sampleThreshold?: number
  /** Answer a message that was refused with a failure; default true. Without it the host hears of success always. */
  readonly reportsFailure?: boolean
}

interface State {
  readonly v: 1
  ic: IcGuestState
  /** The newest sample: wall clock and reference time of the same instant, as decimal text. */
  host: string
  reference: number
}

export interface TimesyncGuest extends GuestDriver {
  /** The host's wall clock now by the newest sample, as a precise-time clock device reads it; undefined when it is stale. */
  hostTime(): bigint | undefined
}

/** 100 ms: FreeBSD's hw.hvtimesync.sample_thresh (sys/dev/hyperv/utilities/hv_util.c). */
const DEFAULT_THRESHOLD = TICKS_PER_SECOND / 10

/** Sets the clock on sync, disciplines it on fresh samples, keeps only the newest sample. */
export function timesyncGuest(options: TimesyncGuestOptions, deps: GuestDriverDeps): TimesyncGuest {
  const threshold = BigInt(options.sampleThreshold ?? DEFAULT_THRESHOLD)
  let host = 0n
  let reference = 0

  const hostTime = (): bigint | undefined => {
    const age = deps.referenceTime() - reference
    if (host === 0n || age < 0 || age > STALE_AFTER_SECONDS * TICKS_PER_SECOND) return undefined
    return host + BigInt(age)
  }

  const apply = (flags: number): number => {
    const now = hostTime()
    if (now === undefined) return HResult.fail
    if ((flags & TimesyncFlags.sync) !== 0) {
      options.clock.set(now)
      deps.event('clock-set', { fileTime: now })
    } else if ((flags & TimesyncFlags.sample) !== 0 && threshold > 0n) {
      const off = now - options.clock.now()
      if (off > threshold || off < -threshold) options.clock.discipline?.(now)
    }
    return HResult.ok
  }

  const request = ({ view, bodyLength, message }: IcRequest): number => {
    if (message >= REFERENCE_FORM_SINCE) {
      if (bodyLength < timesyncRefData.size) return HResult.invalidArgument
      const sampled = timesyncRefData.read.vmreferencetime(view, At.body)
      const age = BigInt(deps.referenceTime()) - sampled
      if (age < 0n || age > BigInt(STALE_AFTER_SECONDS * TICKS_PER_SECOND)) return HResult.fail
      host = timesyncRefData.read.parenttime(view, At.body)
      reference = Number(sampled)
      return apply(timesyncRefData.read.flags(view, At.body))
    }
    if (bodyLength < timesyncData.size) return HResult.invalidArgument
    host = timesyncData.read.parenttime(view, At.body)
    reference = deps.referenceTime()
    return apply(timesyncData.read.flags(view, At.body))
  }

  const { reportsFailure = true } = options
  const ic = icGuest(deps, framingOf(options, TIMESYNC_VERSIONS), {
    type: IcType.timesync,
    request(message) {
      const status = request(message)
      return reportsFailure ? status : HResult.ok
    },
  })

  return {
    hostTime,
    offered: (channel) => ic.offered(channel),
    opened: (channel, status) => ic.opened(channel, status),
    readable: (channel) => ic.readable(channel),
    rescinded: () => ic.reset(),
    save: (): State => ({ v: 1, ic: ic.save(), host: host.toString(), reference }),
    restore(saved) {
      const state = saved as State
      ic.restore(state.ic)
      host = BigInt(state.host)
      reference = state.reference
    },
    inspect: () => ({ ...ic.state, fresh: hostTime() !== undefined }),
  }
}
