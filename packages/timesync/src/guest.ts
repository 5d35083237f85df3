import type { GuestClock, GuestDriver, GuestDriverDeps } from '@vmbus/core'
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
  type IcRequest,
} from '@vmbus/ic'
import {
  TICKS_PER_SECOND,
  callable,
  checkOptions,
  flag,
  instance,
  integer,
  number,
  object,
  optional,
  restoreState,
  stateForm,
  textLike,
  type Shape,
} from '@vmbus/world'
import {
  REFERENCE_FORM_SINCE,
  STALE_AFTER_SECONDS,
  TIMESYNC_VERSIONS,
  TimesyncFlags,
  timesyncData,
  timesyncRefData,
} from './protocol.ts'

export interface TimesyncGuestOptions extends Partial<IcGuestOptions> {
  readonly clock: GuestClock
  /** Samples closer to the guest's clock than this are ignored; 0 turns samples off (100 ns units). */
  readonly sampleThreshold?: number
  /** So many samples since the driver was loaded set the clock as a sync does; default 0, Infinity for all of them. */
  readonly setBySamples?: number
  /** A message that was longer on its way is refused, in seconds; default 600, Infinity for none. */
  readonly staleSeconds?: number
  /** Answer a message that was refused with a failure; default true. Without it the host hears of success always. */
  readonly reportsFailure?: boolean
  /**
   * Whether a message steps the clock, by its flags (`TimesyncFlags`) and how far the host's time is ahead of the guest's,
   * in 100 ns; instead of the rules of `sampleThreshold` and `setBySamples`.
   */
  readonly steps?: (flags: number, ahead: bigint) => boolean
}

export const guestOptions: Shape<TimesyncGuestOptions> = object<TimesyncGuestOptions>({
  ...icGuestFields,
  clock: instance<GuestClock>(),
  sampleThreshold: optional(integer(0)),
  setBySamples: optional(number(0)),
  staleSeconds: optional(number(0)),
  reportsFailure: optional(flag),
  steps: optional(callable<(flags: number, ahead: bigint) => boolean>()),
})

interface State {
  readonly ic: IcGuestState
  /** The newest sample: wall clock and reference time of the same instant, as decimal text. */
  readonly host: string
  readonly reference: number
  readonly samplesLeft: number
}

const FORM = stateForm<State>('timesync-driver', 1, {
  ic: icGuestState,
  host: textLike(/^\d{1,20}$/, 'decimal digits'),
  reference: integer(),
  samplesLeft: number(0),
})

export interface TimesyncGuest extends GuestDriver {
  /** The host's wall clock now by the newest sample, as a precise-time clock device reads it; undefined when it is stale. */
  hostTime(): bigint | undefined
}

/** 100 ms: FreeBSD's hw.hvtimesync.sample_thresh (sys/dev/hyperv/utilities/hv_util.c). */
const DEFAULT_THRESHOLD = TICKS_PER_SECOND / 10

/** Sets the clock on sync, disciplines it on fresh samples, keeps only the newest sample. Throws OptionsError. */
export function timesyncGuest(options: TimesyncGuestOptions, deps: GuestDriverDeps): TimesyncGuest {
  const {
    clock,
    reportsFailure = true,
    staleSeconds = STALE_AFTER_SECONDS,
    steps,
  } = checkOptions('timesync.driver', guestOptions, options)
  const threshold = BigInt(options.sampleThreshold ?? DEFAULT_THRESHOLD)
  const isStale = (age: number): boolean => age < 0 || age > staleSeconds * TICKS_PER_SECOND
  let host = 0n
  let reference = 0
  let samplesLeft = options.setBySamples ?? 0

  const hostTime = (): bigint | undefined => {
    const age = deps.referenceTime() - reference
    return host === 0n || isStale(age) ? undefined : host + BigInt(age)
  }

  const isSample = (flags: number): boolean => (flags & TimesyncFlags.sample) !== 0

  /** A sync sets the clock, and so do as many samples as the driver takes for one. */
  const sets = (flags: number, now: bigint): boolean => {
    if (steps !== undefined) return steps(flags, now - clock.now())
    if ((flags & TimesyncFlags.sync) !== 0) return true
    if (!isSample(flags) || samplesLeft === 0) return false
    samplesLeft--
    return true
  }

  const apply = (flags: number): number => {
    const now = hostTime()
    if (now === undefined) return HResult.fail
    if (sets(flags, now)) {
      clock.set(now)
      deps.event('clock-set', { fileTime: now })
    } else if (steps === undefined && isSample(flags) && threshold > 0n) {
      const off = now - clock.now()
      if (off > threshold || off < -threshold) clock.discipline?.(now)
    }
    return HResult.ok
  }

  const short = options.malformed === 'ignore' ? undefined : HResult.invalidArgument

  const request = ({ view, bodyLength, message }: IcRequest): number | undefined => {
    if (message >= REFERENCE_FORM_SINCE) {
      if (bodyLength < timesyncRefData.size) return short
      const sampled = timesyncRefData.read.vmreferencetime(view, At.body)
      if (isStale(Number(BigInt(deps.referenceTime()) - sampled))) return HResult.fail
      host = timesyncRefData.read.parenttime(view, At.body)
      reference = Number(sampled)
      return apply(timesyncRefData.read.flags(view, At.body))
    }
    if (bodyLength < timesyncData.size) return short
    host = timesyncData.read.parenttime(view, At.body)
    reference = deps.referenceTime()
    return apply(timesyncData.read.flags(view, At.body))
  }

  const ic = icGuest(deps, framingOf(options, TIMESYNC_VERSIONS), {
    type: IcType.timesync,
    request(message) {
      const status = request(message)
      return reportsFailure || status === undefined ? status : HResult.ok
    },
  })

  return {
    hostTime,
    offered: (channel) => ic.offered(channel),
    opened: (channel, status) => ic.opened(channel, status),
    readable: (channel) => ic.readable(channel),
    rescinded: () => ic.reset(),
    save: () => ({ ...FORM.head, ic: ic.save(), host: host.toString(), reference, samplesLeft }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved) {
      const state = restoreState(saved, FORM)
      ic.restore(state.ic)
      host = BigInt(state.host)
      reference = state.reference
      samplesLeft = state.samplesLeft
    },
    inspect: () => ({ ...ic.state, fresh: hostTime() !== undefined }),
  }
}
