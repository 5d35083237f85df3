import { PartitionError } from './errors.ts'
import { assign, type Register } from './register.ts'
import { newVp, type PartitionState, type QueuedMessage, type VpState } from './state.ts'

const VERSION = 1

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
  readonly version: typeof VERSION
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

const words = (r: Register): Words => [r.low, r.high]
const copyQueue = (queue: readonly QueuedMessage[]): QueuedMessage[] =>
  queue.map(({ type, payload }) => ({ type, payload: payload.slice() }))

export function saveState(state: PartitionState): SavedPartition {
  const vps: SavedVp[] = []
  state.vps.forEach((vp, index) => {
    if (vp !== undefined) vps.push(saveVp(index, vp))
  })
  return {
    version: VERSION,
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

/** Puts a saved state into the live one. @throws PartitionError VMBUS_PARTITION_STATE for anything else. */
export function restoreState(state: PartitionState, saved: unknown, vps: number): void {
  if (!isSaved(saved)) throw new PartitionError('VMBUS_PARTITION_STATE', `not a partition state of version ${VERSION}`)
  const outside = saved.vps.find(({ vp }) => vp >= vps)
  if (outside !== undefined)
    throw new PartitionError('VMBUS_PARTITION_STATE', `state of VP ${outside.vp}, partition of ${vps}`)
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
  vp.queues.forEach((queue, n) => queue.push(...copyQueue(saved.queues[n] ?? [])))
  return vp
}

function put(r: Register, [low, high]: Words): void {
  assign(r, low, high)
}

function putAll(registers: readonly Register[], saved: readonly Words[]): void {
  registers.forEach((r, n) => put(r, saved[n] ?? [0, 0]))
}

/** A state is trusted (it is ours, not a guest's): its version is checked, not every word. */
function isSaved(value: unknown): value is SavedPartition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'version' in value &&
    value.version === VERSION &&
    'vps' in value &&
    Array.isArray(value.vps)
  )
}
