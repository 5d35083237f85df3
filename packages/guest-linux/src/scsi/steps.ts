import type { RequestResult } from '@vmbus/storvsc'
import { finish, isGood, issue, type CommandStep } from './commands.ts'
import type { StorageContext } from './context.ts'
import { attach, capacityRead, modeRead, partitionsRead, takeDown } from './disk.ts'
import { paged } from './pages.ts'
import { inquired, reported, targetLook } from './scan.ts'
import { changeUnit, sameUnit, unitOf, type Step, type UnitAt } from './state.ts'

/** Goes on with what is to be looked at, one command at a time. */
export function advance(ctx: StorageContext): void {
  const { state } = ctx
  while (state.command === null && ctx.driver.phase === 'ready') {
    const step = state.steps.shift()
    if (step === undefined) return
    if (step.do === 'attach') state.steps.unshift(...attach(ctx))
    else if (step.do === 'usable') usable(ctx, step.at)
    else if (step.do === 'remove') state.steps.unshift(...takeDown(ctx, step.at))
    else if (step.do === 'removed') forget(ctx, step.at)
    else if (step.do === 'target') state.steps.unshift(targetLook(ctx, step.at))
    else if (isPossible(ctx, step)) issue(ctx, step)
  }
}

/** Only a search asks what may not be there; a table of partitions is looked for where there are blocks. */
function isPossible({ state }: StorageContext, step: CommandStep): boolean {
  if (step.do === 'inquiry' || step.do === 'report') return true
  const unit = unitOf(state, step.at)
  if (unit === undefined) return false
  return step.do !== 'partitions' || (step.sector + 8) * 512 <= unit.blocks * unit.blockSize
}

function usable({ state, deps }: StorageContext, at: UnitAt): void {
  const before = unitOf(state, at)
  if (before === undefined || before.name === '') return
  changeUnit(state, at, { ready: true })
  const { name, blocks, blockSize } = before
  deps.event('disk', { name, bytes: blocks * blockSize, known: before.ready })
}

/** The command of the moment has ended: what it read says what comes next. */
export function commandEnded(ctx: StorageContext, result: RequestResult): void {
  const { state } = ctx
  const { command } = state
  if (command === null) return
  const { step } = command
  const data = finish(ctx)
  // Its channel went: it is asked again when there is another.
  state.steps.unshift(...(result.outcome === 'aborted' ? [step] : answered(ctx, step, data, result)))
  advance(ctx)
}

function answered(ctx: StorageContext, step: Step, data: Uint8Array, result: RequestResult): Step[] {
  switch (step.do) {
    case 'inquiry':
      return inquired(ctx, step, data, result)
    case 'page':
      return isGood(result) ? paged(ctx, step, data) : []
    case 'report':
      return reported(ctx, step.at, data, result)
    case 'capacity':
      return capacityRead(ctx, step, data, result)
    case 'mode':
      return modeRead(ctx, step, data, result)
    case 'flush':
      return isGood(result) || step.tries === 1 ? [] : [{ ...step, tries: step.tries - 1 }]
    case 'partitions':
      if (isGood(result)) partitionsRead(ctx, step, data)
      return []
    default:
      return []
  }
}

/** A unit is gone, or all of them with their controller. */
export function forget(ctx: StorageContext, at: UnitAt): void {
  const { state, deps, hosts } = ctx
  const unit = unitOf(state, at)
  if (unit === undefined) return
  state.units = state.units.filter((each) => each !== unit)
  // A search goes on; what was meant for the unit does not.
  state.steps = state.steps.filter(
    (step) => step.do === 'attach' || step.do === 'target' || step.do === 'report' || !sameUnit(step.at, at),
  )
  if (unit.name === '') return
  hosts.removeDisk(unit.name)
  deps.event('disk-gone', { name: unit.name })
}
