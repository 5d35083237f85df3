import { restoreState } from '@vmbus/world'
import { MachineError } from '../errors.ts'
import type { MachineContext } from './context.ts'
import type { MachineSnapshot } from './machine-types.ts'
import { MACHINE_STATE, restoreCpu, saveCpu } from './state.ts'
import { advance } from './time.ts'

/** v86's clocks stand still meanwhile. */
function whileFrozen<T>({ state }: MachineContext, work: () => T): T {
  state.frozen = true
  try {
    return work()
  } finally {
    state.frozen = false
  }
}

export function save(ctx: MachineContext): MachineSnapshot {
  const { state, emulator, ambient, memoryMB, traps } = ctx
  advance(ctx)
  return whileFrozen(ctx, () => ({
    ...MACHINE_STATE.head,
    memoryMB,
    cpu: emulator.within(ambient, () => saveCpu(ctx)),
    timeNs: state.timeNs,
    instructions: state.instructions,
    randomDraws: state.randomDraws,
    clockReads: state.clockReads,
    slices: state.slices,
    interrupts: state.interrupts,
    pending: [...state.pending],
    hypercallPage: traps.hypercallPage,
  }))
}

export function restore(ctx: MachineContext, given: MachineSnapshot): void {
  const { state, emulator, ambient, memoryMB, traps } = ctx
  const snapshot = restoreState(given, MACHINE_STATE)
  if (snapshot.memoryMB !== memoryMB)
    throw new MachineError('VMBUS_MACHINE_SNAPSHOT', `the snapshot has ${snapshot.memoryMB} MiB of RAM`, { memoryMB })
  whileFrozen(ctx, () => {
    state.timeNs = snapshot.timeNs
    emulator.within(ambient, () => restoreCpu(ctx, snapshot.cpu))
    state.instructions = snapshot.instructions
    state.randomDraws = snapshot.randomDraws
    state.clockReads = snapshot.clockReads
    state.slices = snapshot.slices
    state.interrupts = snapshot.interrupts
    traps.hypercallPage = snapshot.hypercallPage
    state.pending = [...snapshot.pending]
    state.lastCounter = ctx.counter()
    state.ended = undefined
  })
}
