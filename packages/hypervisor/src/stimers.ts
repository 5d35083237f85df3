import type { Clock, Timers } from '@vmbus/world'
import { MESSAGE_TYPE, hvTimerMessagePayload } from './protocol.ts'
import { assign, isEnabled, toNumber, type Register } from './register.ts'
import { TIMERS, type PartitionState, type TimerState } from './state.ts'
import type { Delivery } from './synic.ts'

/** STIMERn_CONFIG bits (TLFS "Synthetic Timer Registers"; Linux union hv_stimer_config). */
const TIMER_ENABLE = 1 << 0
const PERIODIC = 1 << 1
const LAZY = 1 << 2
const AUTO_ENABLE = 1 << 3
const DIRECT = 1 << 12

/**
 * The shortest time between two expirations of a periodic timer, 100 ns units: a guest that asks for a period of one
 * tick gets 10 µs. Our own bound; no driver comes near it.
 */
export const MINIMUM_PERIOD = 100
const TICKS_PER_WORD = 0x1_0000_0000

export interface SyntheticTimerDeps {
  readonly state: PartitionState
  readonly clock: Clock
  readonly timers: Timers
  readonly directMode: boolean
  /** Puts the message into its slot; `raise` follows once the timer's own state is settled. */
  place(vp: number, sint: number, type: number, payload: Uint8Array): Delivery
  raise(vp: number, sint: number): void
  interrupt(vp: number, vector: number, autoEoi: boolean): void
}

export interface SyntheticTimers {
  /** False is a #GP. */
  setConfig(vp: number, timer: TimerState, index: number, low: number, high: number): boolean
  setCount(vp: number, timer: TimerState, index: number, low: number, high: number): void
  /** The owner's `timer(name)`; other names are ignored. */
  fired(name: string): void
  /** Tries again to deliver the expirations that wait for this SINT, or for any with -1. */
  retry(vp: number, sint: number): void
  /** Takes back every call that was asked for, before a restore. */
  disarmAll(): void
  /** Asks for them again, after it. */
  armAll(): void
}

const sintOf = (config: Register): number => (config.low >>> 16) & 15
const timerName = (vp: number, index: number): string => `stimer/${vp}/${index}`

/** Where the timers of a partition ask for the time and to be called. */
type Ticking = Pick<SyntheticTimerDeps, 'clock' | 'timers'>

function arm({ timers }: Ticking, vp: number, timer: TimerState, index: number, due: number, callAt: number): void {
  // A time that no clock reaches (reference time is a safe integer for 28 years) is never asked for.
  if (due > Number.MAX_SAFE_INTEGER) return
  timer.due = due
  timer.callAt = callAt
  timers.set(timerName(vp, index), callAt)
}

const periodOf = (timer: TimerState): number => Math.max(toNumber(timer.count), MINIMUM_PERIOD)

/** Begins anew by its registers. */
function start(ticking: Ticking, vp: number, timer: TimerState, index: number): void {
  if (timer.callAt >= 0) ticking.timers.clear(timerName(vp, index))
  timer.due = -1
  timer.callAt = -1
  timer.waiting = false
  const count = toNumber(timer.count)
  if (!isEnabled(timer.config) || count === 0) return
  const now = ticking.clock.now()
  const due = (timer.config.low & PERIODIC) === 0 ? count : now + periodOf(timer)
  arm(ticking, vp, timer, index, due, Math.max(due, now))
}

function startNextPeriod(ticking: Ticking, vp: number, timer: TimerState, index: number): void {
  const now = ticking.clock.now()
  const period = periodOf(timer)
  let due = timer.due + period
  const isLate = due <= now
  if (isLate && (timer.config.low & LAZY) !== 0) due += Math.ceil((now - due + 1) / period) * period
  arm(ticking, vp, timer, index, due, due <= now ? now + Math.max(Math.floor(period / 2), MINIMUM_PERIOD) : due)
}

/**
 * The four timers of each virtual processor. A one-shot timer expires when reference time reaches its count; a periodic
 * one every `count`. An expired timer whose message finds its slot busy waits for the guest's EOM, and does not expire
 * again until then. A periodic timer that lost time that way catches up at half its period, unless it is lazy: then
 * it skips what it missed (TLFS "Synthetic Timers").
 */
export function createSyntheticTimers(deps: SyntheticTimerDeps): SyntheticTimers {
  const { state, clock, timers } = deps
  const payload = new Uint8Array(hvTimerMessagePayload.size)
  const payloadView = new DataView(payload.buffer)

  /** The message's slot, or nothing but the interrupt in direct mode. */
  const place = (vp: number, timer: TimerState, index: number): Delivery => {
    if ((timer.config.low & DIRECT) !== 0) return 'delivered'
    payloadView.setUint32(hvTimerMessagePayload.offsets.timerIndex, index, true)
    setTime(payloadView, hvTimerMessagePayload.offsets.expirationTime, timer.due)
    setTime(payloadView, hvTimerMessagePayload.offsets.deliveryTime, clock.now())
    return deps.place(vp, sintOf(timer.config), MESSAGE_TYPE.timerExpired, payload)
  }

  const raise = (vp: number, config: number): void => {
    if ((config & DIRECT) === 0) return deps.raise(vp, (config >>> 16) & 15)
    const vector = (config >>> 4) & 0xff
    // Vectors below 16 do not exist on a local APIC.
    if (vector >= 16) deps.interrupt(vp, vector, false)
  }

  const expire = (vp: number, timer: TimerState, index: number): void => {
    const config = timer.config.low
    const isPeriodic = (config & PERIODIC) !== 0
    const outcome = place(vp, timer, index)
    timer.callAt = -1
    timer.waiting = outcome !== 'delivered' && !(isPeriodic && (config & LAZY) !== 0)
    if (timer.waiting) return
    if (isPeriodic) startNextPeriod(deps, vp, timer, index)
    else {
      timer.due = -1
      timer.config.low = (config & ~TIMER_ENABLE) >>> 0
    }
    // Last, because the guest may set this very timer again in its handler.
    if (outcome === 'delivered') raise(vp, config)
  }

  const each = (visit: (vp: number, timer: TimerState, index: number) => void): void => {
    state.vps.forEach((vp, number) => vp?.timers.forEach((timer, index) => visit(number, timer, index)))
  }

  return {
    setConfig(vp, timer, index, low, high) {
      if ((low & DIRECT) !== 0 && !deps.directMode) return false
      assign(timer.config, low, high)
      // SINT 0 belongs to the hypervisor: a timer that would use it cannot be enabled.
      if ((low & DIRECT) === 0 && sintOf(timer.config) === 0)
        timer.config.low = (timer.config.low & ~TIMER_ENABLE) >>> 0
      start(deps, vp, timer, index)
      return true
    },
    setCount(vp, timer, index, low, high) {
      assign(timer.count, low, high)
      const canEnable = (timer.config.low & DIRECT) !== 0 || sintOf(timer.config) !== 0
      if (low === 0 && high === 0) timer.config.low = (timer.config.low & ~TIMER_ENABLE) >>> 0
      else if ((timer.config.low & AUTO_ENABLE) !== 0 && canEnable)
        timer.config.low = (timer.config.low | TIMER_ENABLE) >>> 0
      start(deps, vp, timer, index)
    },
    fired(name) {
      const [scope, vpText, indexText] = name.split('/')
      const vp = Number(vpText)
      const index = Number(indexText)
      const timer = scope === 'stimer' ? state.vps[vp]?.timers[index] : undefined
      if (timer === undefined || timer.callAt < 0) return
      if (clock.now() < timer.callAt) timers.set(name, timer.callAt)
      else expire(vp, timer, index)
    },
    retry(number, sint) {
      const vp = state.vps[number]
      if (vp === undefined) return
      for (let index = 0; index < TIMERS; index++) {
        const timer = vp.timers[index]
        if (timer?.waiting === true && (sint < 0 || sintOf(timer.config) === sint)) expire(number, timer, index)
      }
    },
    disarmAll() {
      each((vp, timer, index) => {
        if (timer.callAt >= 0) timers.clear(timerName(vp, index))
      })
    },
    armAll() {
      each((vp, timer, index) => {
        if (timer.callAt >= 0) timers.set(timerName(vp, index), timer.callAt)
      })
    },
  }
}

function setTime(view: DataView, offset: number, time: number): void {
  view.setUint32(offset, time >>> 0, true)
  view.setUint32(offset + 4, Math.floor(time / TICKS_PER_WORD), true)
}
