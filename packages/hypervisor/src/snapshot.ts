import {
  ShapeMismatch,
  StateError,
  bytes,
  flag,
  integer,
  list,
  number,
  object,
  pair,
  restoreState as parseState,
  stateForm,
  u32,
  type Shape,
} from '@vmbus/world'
import { MAX_PAYLOAD } from './protocol.ts'
import { assign, type Register } from './register.ts'
import { SINTS, TIMERS, newVp, type PartitionState, type QueuedMessage, type VpState } from './state.ts'

type Words = readonly [low: number, high: number]

interface SavedTimer {
  readonly config: Words
  readonly count: Words
  readonly due: number
  readonly callAt: number
  readonly waiting: boolean
}

interface SavedVp {
  readonly vp: number
  readonly assistPage: Words
  readonly scontrol: Words
  readonly siefp: Words
  readonly simp: Words
  readonly sints: readonly Words[]
  readonly timers: readonly SavedTimer[]
  readonly queues: readonly (readonly QueuedMessage[])[]
}

/** The saved form: JSON kinds and Uint8Array, with no part shared with the live state. */
interface SavedPartition {
  readonly guestOsId: Words
  readonly hypercall: Words
  readonly referenceTsc: Words
  readonly tscSequence: number
  readonly crash: readonly Words[]
  readonly reenlightenmentControl: Words
  readonly tscEmulationControl: Words
  readonly tscEmulationStatus: Words
  readonly tscInvariantControl: Words
  readonly vps: readonly SavedVp[]
}

/** MSRs 0x40000100 to 0x40000104. */
const CRASH_PARAMETERS = 5
const register: Shape<Words> = pair(u32, u32)
const payload: Shape<Uint8Array> = (value, at) => {
  const copy = bytes()(value, at)
  integer(0, MAX_PAYLOAD)(copy.length, `${at}.length`)
  return copy
}
const FORM = stateForm<SavedPartition>('partition', 2, {
  guestOsId: register,
  hypercall: register,
  referenceTsc: register,
  tscSequence: u32,
  crash: list(register, CRASH_PARAMETERS, CRASH_PARAMETERS),
  reenlightenmentControl: register,
  tscEmulationControl: register,
  tscEmulationStatus: register,
  tscInvariantControl: register,
  vps: list(
    object<SavedVp>({
      vp: integer(),
      assistPage: register,
      scontrol: register,
      siefp: register,
      simp: register,
      sints: list(register, SINTS, SINTS),
      timers: list(
        object<SavedTimer>({ config: register, count: register, due: number(-1), callAt: number(-1), waiting: flag }),
        TIMERS,
        TIMERS,
      ),
      queues: list(list(object<QueuedMessage>({ type: u32, payload })), SINTS, SINTS),
    }),
  ),
})

const words = (r: Register): Words => [r.low, r.high]
const copyQueue = (queue: readonly QueuedMessage[]): QueuedMessage[] =>
  queue.map(({ type, payload }) => ({ type, payload: payload.slice() }))

export function saveState(state: PartitionState): unknown {
  const vps: SavedVp[] = []
  state.vps.forEach((vp, index) => {
    if (vp !== undefined) vps.push(saveVp(index, vp))
  })
  return {
    ...FORM.head,
    guestOsId: words(state.guestOsId),
    hypercall: words(state.hypercall),
    referenceTsc: words(state.referenceTsc),
    tscSequence: state.tscSequence,
    crash: state.crash.map(words),
    reenlightenmentControl: words(state.reenlightenmentControl),
    tscEmulationControl: words(state.tscEmulationControl),
    tscEmulationStatus: words(state.tscEmulationStatus),
    tscInvariantControl: words(state.tscInvariantControl),
    vps,
  }
}

function saveVp(vp: number, state: VpState): SavedVp {
  return {
    vp,
    assistPage: words(state.assistPage),
    scontrol: words(state.scontrol),
    siefp: words(state.siefp),
    simp: words(state.simp),
    sints: state.sints.map(words),
    timers: state.timers.map(({ config, count, due, callAt, waiting }) => ({
      config: words(config),
      count: words(count),
      due,
      callAt,
      waiting,
    })),
    queues: state.queues.map(copyQueue),
  }
}

/** A copy of what `saveState` gave of a partition with at most so many processors. Throws StateError, and touches nothing. */
export function checkState(from: unknown, vps: number): SavedPartition {
  const saved = parseState(from, FORM)
  for (const { vp } of saved.vps)
    if (vp >= vps)
      throw new StateError('VMBUS_STATE_INVALID', 'partition.vps', new ShapeMismatch('', vp, `processors below ${vps}`))
  return saved
}

/** Puts a checked state into the live one. */
export function restoreState(state: PartitionState, saved: SavedPartition): void {
  put(state.guestOsId, saved.guestOsId)
  put(state.hypercall, saved.hypercall)
  put(state.referenceTsc, saved.referenceTsc)
  state.tscSequence = saved.tscSequence
  putAll(state.crash, saved.crash)
  put(state.reenlightenmentControl, saved.reenlightenmentControl)
  put(state.tscEmulationControl, saved.tscEmulationControl)
  put(state.tscEmulationStatus, saved.tscEmulationStatus)
  put(state.tscInvariantControl, saved.tscInvariantControl)
  state.vps.length = 0
  for (const vp of saved.vps) state.vps[vp.vp] = restoreVp(vp)
}

function restoreVp(saved: SavedVp): VpState {
  const vp = newVp()
  put(vp.assistPage, saved.assistPage)
  put(vp.scontrol, saved.scontrol)
  put(vp.siefp, saved.siefp)
  put(vp.simp, saved.simp)
  putAll(vp.sints, saved.sints)
  vp.timers.forEach((timer, n) => {
    const from = saved.timers[n]
    if (from === undefined) return
    put(timer.config, from.config)
    put(timer.count, from.count)
    timer.due = from.due
    timer.callAt = from.callAt
    timer.waiting = from.waiting
  })
  vp.queues.forEach((queue, n) => queue.push(...(saved.queues[n] ?? [])))
  return vp
}

function put(r: Register, [low, high]: Words): void {
  assign(r, low, high)
}

function putAll(registers: readonly Register[], saved: readonly Words[]): void {
  registers.forEach((r, n) => put(r, saved[n] ?? [0, 0]))
}
