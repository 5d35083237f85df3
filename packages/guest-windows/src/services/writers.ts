import type { GuestDriver, GuestDriverSpec, SystemService } from '@vmbus/core'
import type { IcVersions } from '@vmbus/ic'
import { vss } from '@vmbus/vss'
import {
  TICKS_PER_SECOND,
  anything,
  flag,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  pair,
  restoreState,
  scopedTimers,
  stateForm,
  text,
  type Shape,
} from '@vmbus/world'

/** A program that VSS brings to rest for a snapshot. */
export interface WriterOptions {
  readonly name: string
  /** Seconds until it stands still; default at once. */
  readonly freezeSeconds?: number
  /** Seconds for which it stands still at most; default the 60 of VSS itself, Exchange has 20. */
  readonly limitSeconds?: number
  /** It does not come to rest. */
  readonly fails?: boolean
}

export const writerOptions: Shape<WriterOptions> = object<WriterOptions>({
  name: text,
  freezeSeconds: optional(number(0)),
  limitSeconds: optional(number(0)),
  fails: optional(flag),
})

export type WriterState = 'stable' | 'freezing' | 'frozen' | 'failed'

export interface WindowsWriter {
  readonly name: string
  readonly state: WriterState
}

/** VSS writers freeze at most so long, and nothing stays frozen longer (Veeam KB1377). */
const LIMIT_SECONDS = 60

export const DEFAULT_WRITERS: readonly WriterOptions[] = [
  { name: 'System Writer' },
  { name: 'Registry Writer' },
  { name: 'COM+ REGDB Writer' },
  { name: 'WMI Writer' },
]

export interface Writers extends SystemService {
  readonly list: readonly WindowsWriter[]
  readonly frozenSeconds: number
  /** Seconds until all stand still, undefined when one does not. */
  begin(): number | undefined
  frozen(): void
  thawed(): void
}

type States = readonly (readonly [name: string, state: WriterState])[]
const FORM = stateForm<{ readonly writers: States }>('windows-writers', 1, {
  writers: list(pair(text, oneOf('stable', 'freezing', 'frozen', 'failed'))),
})

export function writers(given: readonly WriterOptions[]): Writers {
  let states = new Map<string, WriterState>(given.map(({ name }) => [name, 'stable']))
  const all = (state: WriterState): void => {
    states = new Map(given.map(({ name }) => [name, state]))
  }
  return {
    get list() {
      return [...states].map(([name, state]) => ({ name, state }))
    },
    frozenSeconds: Math.min(LIMIT_SECONDS, ...given.map(({ limitSeconds = LIMIT_SECONDS }) => limitSeconds)),
    begin() {
      if (!given.some(({ fails = false }) => fails)) {
        all('freezing')
        return Math.max(0, ...given.map(({ freezeSeconds = 0 }) => freezeSeconds))
      }
      states = new Map(given.map(({ name, fails = false }) => [name, fails ? 'failed' : 'stable']))
      return undefined
    },
    frozen: () => all('frozen'),
    thawed: () => all('stable'),
    save: () => ({ ...FORM.head, writers: [...states] }),
    restore(state) {
      states = new Map(restoreState(state, FORM).writers)
    },
  }
}

const [REQUESTOR, WRITERS] = ['requestor', 'writers']

interface SavedDriver {
  readonly requestor: unknown
  /** When the writers stand still, null while none is on its way. */
  readonly stillAt: number | null
}
const DRIVER_FORM = stateForm<SavedDriver>('windows-vss', 1, { requestor: anything, stillAt: nullable(number(0)) })

/** vmicvss, the requestor: a freeze that VSS does not finish in 60 s fails, and nothing stays frozen for longer. */
export function vssDriver(group: Writers, versions: IcVersions): GuestDriverSpec {
  return {
    ...vss.driver({ target: { freeze: () => true, thaw: () => true } }),
    create(deps): GuestDriver {
      let stillAt: number | null = null
      const waitUntil = (time: number): void => {
        stillAt = time
        deps.timers.set(WRITERS, time)
      }
      const driver = vss
        .driver({
          versions,
          limits: { freeze: LIMIT_SECONDS, frozen: group.frozenSeconds },
          target: {
            freeze() {
              const seconds = group.begin()
              if (seconds === undefined) return false
              if (seconds === 0) {
                group.frozen()
                return true
              }
              waitUntil(deps.clock.now() + seconds * TICKS_PER_SECOND)
              return undefined
            },
            thaw() {
              group.thawed()
              return true
            },
          },
        })
        .create({ ...deps, timers: scopedTimers(deps.timers, REQUESTOR) })
      return {
        ...driver,
        timer(name) {
          if (name.startsWith(`${REQUESTOR}/`)) return driver.timer?.(name.slice(REQUESTOR.length + 1))
          stillAt = null
          group.frozen()
          driver.done(true)
        },
        save: () => ({ ...DRIVER_FORM.head, requestor: driver.save(), stillAt }),
        checkState(saved) {
          driver.checkState?.(restoreState(saved, DRIVER_FORM).requestor)
        },
        restore(saved, channels) {
          const state = restoreState(saved, DRIVER_FORM)
          driver.restore(state.requestor, channels)
          if (state.stillAt !== null) waitUntil(state.stillAt)
        },
      }
    },
  }
}
