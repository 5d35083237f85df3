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

export interface ReservationState {
  readonly version: 1
  readonly generation: number
  readonly registrants: readonly Registrant[]
  /** Type in force, 0 for none. */
  readonly type: number
  /** Who holds it; empty for the types where all registrants do. */
  readonly holder: string
  readonly persistent: boolean
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
  preempt(initiator: string, key: string, victim: string, type: number): boolean
  /** May this guest read, or write, the disk now? */
  allows(initiator: string, write: boolean): boolean
  save(): ReservationState
  restore(state: ReservationState): void
}

const allHold = (type: number): boolean =>
  type === ReservationType.writeExclusiveAll || type === ReservationType.exclusiveAccessAll
const registrantsShare = (type: number): boolean => type >= ReservationType.writeExclusiveRegistrants
const writersOnly = (type: number): boolean =>
  type === ReservationType.writeExclusive ||
  type === ReservationType.writeExclusiveRegistrants ||
  type === ReservationType.writeExclusiveAll

const EMPTY: ReservationState = { version: 1, generation: 0, registrants: [], type: 0, holder: '', persistent: false }

export function persistentReservations(): Reservations {
  let state = EMPTY
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
      if (key === NO_KEY) remove((each) => each.initiator === initiator)
      else if (registered === undefined) state = { ...state, registrants: [...state.registrants, { initiator, key }] }
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
      return true
    },
    clear(initiator, key) {
      if (keyOf(initiator) !== key) return false
      state = { ...state, registrants: [], type: 0, holder: '' }
      next()
      return true
    },
    preempt(initiator, key, victim, type) {
      if (keyOf(initiator) !== key) return false
      const everybody = allHold(state.type) && victim === NO_KEY
      const takes = state.type !== 0 && (everybody || (!allHold(state.type) && keyOf(state.holder) === victim))
      if (!everybody && !state.registrants.some((each) => each.key === victim)) return false
      remove((each) => each.initiator !== initiator && (everybody || each.key === victim))
      if (takes) state = { ...state, type, holder: allHold(type) ? '' : initiator }
      next()
      return true
    },
    allows(initiator, write) {
      if (state.type === 0 || holds(initiator)) return true
      if (registrantsShare(state.type) && keyOf(initiator) !== undefined) return true
      return !write && writersOnly(state.type)
    },
    save: () => state,
    restore(saved) {
      state = saved
    },
  }
}
