import {
  flag,
  list,
  object,
  oneOf,
  restoreState,
  stateForm,
  text,
  textLike,
  u16,
  u32,
  type StateHead,
} from '@vmbus/world'
import { Asc } from '../protocol/index.ts'

/** SPC-4 table 63: who may do what. */
const ReservationType = {
  writeExclusive: 1,
  exclusiveAccess: 3,
  writeExclusiveRegistrants: 5,
  exclusiveAccessRegistrants: 6,
  writeExclusiveAll: 7,
  exclusiveAccessAll: 8,
} as const

export const RESERVATION_TYPES: readonly number[] = Object.values(ReservationType)

/** A guest's registration. Keys are 16 hexadecimal digits, `0000000000000000` for none. */
export interface Registrant {
  readonly initiator: string
  readonly key: string
}

/** A unit attention that a guest has yet to receive: its registration, or a reservation that it relied on, went away by another's command. */
interface ReservationNews {
  readonly initiator: string
  /** Additional sense code << 8 | qualifier of the unit attention. */
  readonly asc: number
}

export interface ReservationState {
  readonly generation: number
  readonly registrants: readonly Registrant[]
  /** Type in force, 0 for none. */
  readonly type: number
  /** Who holds it; empty for the types where all registrants do. */
  readonly holder: string
  readonly persistent: boolean
  readonly news: readonly ReservationNews[]
}

const NO_KEY = '0000000000000000'

/**
 * Persistent reservations of one disk, shared by the controllers of all guests that have it (a shared VHDX). It is
 * part of the backend: whoever saves the disk saves it too.
 */
export interface Reservations {
  readonly state: ReservationState
  /** Registers a key, or takes the registration back (NO_KEY). False: `oldKey` is not the registered one. */
  register(initiator: string, oldKey: string | undefined, key: string, persistent: boolean): boolean
  /** The rest answer false for a reservation conflict. */
  reserve(initiator: string, key: string, type: number): boolean
  release(initiator: string, key: string, type: number): boolean | 'invalid-release'
  clear(initiator: string, key: string): boolean
  /** With `abort`, what the victims have under way ends too. `invalid`: no key to preempt. */
  preempt(initiator: string, key: string, victim: string, type: number, abort: boolean): boolean | 'invalid'
  /** May this guest read, or write, the disk now? */
  allows(initiator: string, write: boolean): boolean
  /** Additional sense of the guest's next unit attention, which it has then heard. */
  takeNews(initiator: string): number | undefined
  /** Calls `aborted` when another guest aborts this one's commands, until the returned function is called. */
  watch(initiator: string, aborted: () => void): () => void
  save(): ReservationState & StateHead
  /** Throws StateError (VMBUS_STATE_INVALID). */
  restore(state: unknown): void
}

const allHold = (type: number): boolean =>
  type === ReservationType.writeExclusiveAll || type === ReservationType.exclusiveAccessAll
const registrantsShare = (type: number): boolean => type >= ReservationType.writeExclusiveRegistrants
const writersOnly = (type: number): boolean =>
  type === ReservationType.writeExclusive ||
  type === ReservationType.writeExclusiveRegistrants ||
  type === ReservationType.writeExclusiveAll

const EMPTY: ReservationState = {
  generation: 0,
  registrants: [],
  type: 0,
  holder: '',
  persistent: false,
  news: [],
}

const SAVED = stateForm<ReservationState>('storvsc-reservations', 2, {
  generation: u32,
  registrants: list(object<Registrant>({ initiator: text, key: textLike(/^[\da-f]{16}$/, '16 hexadecimal digits') })),
  type: oneOf(0, ...RESERVATION_TYPES),
  holder: text,
  persistent: flag,
  news: list(object<ReservationNews>({ initiator: text, asc: u16 })),
})

/** What the commands of one disk share; only `state` is saved. */
interface Shared {
  state: ReservationState
  readonly watchers: Set<{ readonly initiator: string; readonly aborted: () => void }>
}

const keyOf = ({ registrants }: ReservationState, initiator: string): string | undefined =>
  registrants.find((each) => each.initiator === initiator)?.key

const holds = (state: ReservationState, initiator: string): boolean =>
  state.type !== 0 && (allHold(state.type) ? keyOf(state, initiator) !== undefined : state.holder === initiator)

const othersThan = ({ registrants }: ReservationState, initiator: string): Registrant[] =>
  registrants.filter((each) => each.initiator !== initiator)

const counted = (state: ReservationState): ReservationState => ({
  ...state,
  generation: (state.generation + 1) >>> 0,
})

const reservedBy = (state: ReservationState, initiator: string, type: number): ReservationState => ({
  ...state,
  type,
  holder: allHold(type) ? '' : initiator,
})

/** Takes registrations away; a reservation that nobody is left to hold goes with them. */
function without(state: ReservationState, gone: (each: Registrant) => boolean): ReservationState {
  const lost = state.registrants.filter(gone)
  const registrants = state.registrants.filter((each) => !gone(each))
  const orphaned = allHold(state.type) ? registrants.length === 0 : lost.some((each) => each.initiator === state.holder)
  return { ...state, registrants, ...(orphaned ? { type: 0, holder: '' } : {}) }
}

/** Each guest hears of each kind of loss once. */
function withNews(state: ReservationState, asc: number, guests: readonly Registrant[]): ReservationState {
  const news = guests
    .filter(({ initiator }) => !state.news.some((each) => each.initiator === initiator && each.asc === asc))
    .map(({ initiator }) => ({ initiator, asc }))
  return news.length > 0 ? { ...state, news: [...state.news, ...news] } : state
}

function registered(state: ReservationState, initiator: string, key: string): ReservationState {
  if (key === NO_KEY) {
    const left = without(state, (each) => each.initiator === initiator)
    const released = left.type !== state.type && registrantsShare(state.type)
    return released ? withNews(left, Asc.reservationsReleased, left.registrants) : left
  }
  const registrants =
    keyOf(state, initiator) === undefined
      ? [...state.registrants, { initiator, key }]
      : state.registrants.map((each) => (each.initiator === initiator ? { initiator, key } : each))
  return { ...state, registrants }
}

function preempt(
  shared: Shared,
  initiator: string,
  key: string,
  victim: string,
  type: number,
  abort: boolean,
): boolean | 'invalid' {
  const { state } = shared
  if (keyOf(state, initiator) !== key) return false
  const everybody = allHold(state.type) && victim === NO_KEY
  if (victim === NO_KEY && !everybody) return 'invalid'
  const takes = state.type !== 0 && (everybody || (!allHold(state.type) && keyOf(state, state.holder) === victim))
  if (!everybody && !state.registrants.some((each) => each.key === victim)) return false
  const isVictim = (each: Registrant): boolean => each.initiator !== initiator && (everybody || each.key === victim)
  const victims = state.registrants.filter(isVictim)
  const left = without(state, isVictim)
  const next = counted(takes ? reservedBy(left, initiator, type) : left)
  const notified = withNews(next, Asc.registrationsPreempted, victims)
  const released = takes && type !== state.type
  shared.state = released ? withNews(notified, Asc.reservationsReleased, othersThan(notified, initiator)) : notified
  if (!abort) return true
  const lost = new Set(victims.map((each) => each.initiator))
  // Ending a command lets its guest run, which may come back in here.
  for (const each of [...shared.watchers]) if (lost.has(each.initiator)) each.aborted()
  return true
}

function release(shared: Shared, initiator: string, key: string, type: number): boolean | 'invalid-release' {
  const { state } = shared
  if (keyOf(state, initiator) !== key) return false
  if (!holds(state, initiator)) return true
  if (state.type !== type) return 'invalid-release'
  const free = { ...state, type: 0, holder: '' }
  shared.state = registrantsShare(type) ? withNews(free, Asc.reservationsReleased, othersThan(free, initiator)) : free
  return true
}

export function persistentReservations(): Reservations {
  const shared: Shared = { state: EMPTY, watchers: new Set() }
  return {
    get state() {
      return shared.state
    },
    register(initiator, oldKey, key, persistent) {
      const { state } = shared
      if (oldKey !== undefined && oldKey !== (keyOf(state, initiator) ?? NO_KEY)) return false
      shared.state = counted({ ...registered(state, initiator, key), persistent })
      return true
    },
    reserve(initiator, key, type) {
      const { state } = shared
      if (keyOf(state, initiator) !== key) return false
      if (state.type !== 0) return holds(state, initiator) && state.type === type
      shared.state = reservedBy(state, initiator, type)
      return true
    },
    release: (initiator, key, type) => release(shared, initiator, key, type),
    clear(initiator, key) {
      const { state } = shared
      if (keyOf(state, initiator) !== key) return false
      const notified = withNews(state, Asc.reservationsPreempted, othersThan(state, initiator))
      shared.state = counted({ ...notified, registrants: [], type: 0, holder: '' })
      return true
    },
    preempt: (...asked) => preempt(shared, ...asked),
    allows(initiator, write) {
      const { state } = shared
      if (state.type === 0 || holds(state, initiator)) return true
      if (registrantsShare(state.type) && keyOf(state, initiator) !== undefined) return true
      return !write && writersOnly(state.type)
    },
    takeNews(initiator) {
      const { state } = shared
      const first = state.news.find((each) => each.initiator === initiator)
      if (first !== undefined) shared.state = { ...state, news: state.news.filter((each) => each !== first) }
      return first?.asc
    },
    watch(initiator, aborted) {
      const watcher = { initiator, aborted }
      shared.watchers.add(watcher)
      return () => void shared.watchers.delete(watcher)
    },
    save: () => ({ ...shared.state, ...SAVED.head }),
    restore(saved) {
      const { kind: _kind, v: _v, ...rest } = restoreState(saved, SAVED)
      shared.state = rest
    },
  }
}
