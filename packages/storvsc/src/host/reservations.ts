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

/** What a guest has yet to hear: its registration, or a reservation that it relied on, went away by another's command. */
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

export function persistentReservations(): Reservations {
  let state = EMPTY
  const watchers = new Set<{ readonly initiator: string; readonly aborted: () => void }>()
  const keyOf = (initiator: string): string | undefined =>
    state.registrants.find((each) => each.initiator === initiator)?.key
  const holds = (initiator: string): boolean =>
    state.type !== 0 && (allHold(state.type) ? keyOf(initiator) !== undefined : state.holder === initiator)
  /** Takes registrations away; a reservation that nobody is left to hold goes with them. */
  const remove = (gone: (each: Registrant) => boolean): void => {
    const lost = state.registrants.filter(gone)
    const registrants = state.registrants.filter((each) => !gone(each))
    const orphaned = allHold(state.type)
      ? registrants.length === 0
      : lost.some((each) => each.initiator === state.holder)
    state = { ...state, registrants, ...(orphaned ? { type: 0, holder: '' } : {}) }
  }
  /** Each guest hears of each kind of loss once. */
  const tell = (asc: number, guests: readonly Registrant[]): void => {
    const news = guests
      .filter(({ initiator }) => !state.news.some((each) => each.initiator === initiator && each.asc === asc))
      .map(({ initiator }) => ({ initiator, asc }))
    if (news.length > 0) state = { ...state, news: [...state.news, ...news] }
  }
  const othersThan = (initiator: string): Registrant[] =>
    state.registrants.filter((each) => each.initiator !== initiator)
  const next = (): void => {
    state = { ...state, generation: (state.generation + 1) >>> 0 }
  }

  return {
    get state() {
      return state
    },
    register(initiator, oldKey, key, persistent) {
      const registered = keyOf(initiator)
      if (oldKey !== undefined && oldKey !== (registered ?? NO_KEY)) return false
      if (key === NO_KEY) {
        const { type } = state
        remove((each) => each.initiator === initiator)
        if (state.type !== type && registrantsShare(type)) tell(Asc.reservationsReleased, state.registrants)
      } else if (registered === undefined) state = { ...state, registrants: [...state.registrants, { initiator, key }] }
      else
        state = {
          ...state,
          registrants: state.registrants.map((each) => (each.initiator === initiator ? { initiator, key } : each)),
        }
      state = { ...state, persistent }
      next()
      return true
    },
    reserve(initiator, key, type) {
      if (keyOf(initiator) !== key) return false
      if (state.type !== 0) return holds(initiator) && state.type === type
      state = { ...state, type, holder: allHold(type) ? '' : initiator }
      return true
    },
    release(initiator, key, type) {
      if (keyOf(initiator) !== key) return false
      if (!holds(initiator)) return true
      if (state.type !== type) return 'invalid-release'
      state = { ...state, type: 0, holder: '' }
      if (registrantsShare(type)) tell(Asc.reservationsReleased, othersThan(initiator))
      return true
    },
    clear(initiator, key) {
      if (keyOf(initiator) !== key) return false
      tell(Asc.reservationsPreempted, othersThan(initiator))
      state = { ...state, registrants: [], type: 0, holder: '' }
      next()
      return true
    },
    preempt(initiator, key, victim, type, abort) {
      if (keyOf(initiator) !== key) return false
      const everybody = allHold(state.type) && victim === NO_KEY
      if (victim === NO_KEY && !everybody) return 'invalid'
      const takes = state.type !== 0 && (everybody || (!allHold(state.type) && keyOf(state.holder) === victim))
      if (!everybody && !state.registrants.some((each) => each.key === victim)) return false
      const isVictim = (each: Registrant): boolean => each.initiator !== initiator && (everybody || each.key === victim)
      const victims = state.registrants.filter(isVictim)
      const before = state.type
      remove(isVictim)
      if (takes) state = { ...state, type, holder: allHold(type) ? '' : initiator }
      next()
      tell(Asc.registrationsPreempted, victims)
      if (takes && type !== before) tell(Asc.reservationsReleased, othersThan(initiator))
      if (!abort) return true
      const lost = new Set(victims.map((each) => each.initiator))
      // Ending a command lets its guest run, which may come back in here.
      for (const each of [...watchers]) if (lost.has(each.initiator)) each.aborted()
      return true
    },
    allows(initiator, write) {
      if (state.type === 0 || holds(initiator)) return true
      if (registrantsShare(state.type) && keyOf(initiator) !== undefined) return true
      return !write && writersOnly(state.type)
    },
    takeNews(initiator) {
      const first = state.news.find((each) => each.initiator === initiator)
      if (first !== undefined) state = { ...state, news: state.news.filter((each) => each !== first) }
      return first?.asc
    },
    watch(initiator, aborted) {
      const watcher = { initiator, aborted }
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    save: () => ({ ...state, ...SAVED.head }),
    restore(saved) {
      const { kind: _kind, v: _v, ...rest } = restoreState(saved, SAVED)
      state = rest
    },
  }
}
