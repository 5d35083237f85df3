import { list, number, oneOf, pair, text, type Fields } from '@vmbus/world'
import { MILESTONES, signIn, type GuestEnd, type Milestone } from './outcome.ts'

/** The kernel's console as text, and what was recognised in it. */
export interface Console {
  readonly text: string
  /** Milestones in the order in which they were seen, with the reference time (100 ns) of each. */
  readonly milestones: ReadonlyMap<Milestone, number>
  /** The first sign of a panic, oops or lockup. */
  readonly sign: { readonly end: GuestEnd; readonly line: string } | undefined
  byte(value: number, now: number): void
  reach(milestone: Milestone, now: number): void
  save(): ConsoleState
  restore(state: ConsoleState): void
}

export interface ConsoleState {
  readonly text: string
  readonly milestones: readonly (readonly [Milestone, number])[]
}

export const CONSOLE_STATE: Fields<ConsoleState> = {
  text,
  milestones: list(pair(oneOf('kernel', 'hypervisor', 'userspace', 'agent', 'vmbus'), number(0))),
}

/** A guest that never stops talking keeps its last megabytes. */
const LIMIT = 4 * 1024 * 1024

export function createConsole(onText?: (text: string) => void): Console {
  let text = ''
  let line = ''
  let sign: Console['sign']
  const milestones = new Map<Milestone, number>()
  const reach = (milestone: Milestone, now: number): void => {
    if (!milestones.has(milestone)) milestones.set(milestone, now)
  }
  return {
    get text() {
      return text + line
    },
    milestones,
    get sign() {
      return sign
    },
    reach,
    byte(value, now) {
      if (value === 0x0d) return
      line += String.fromCharCode(value)
      if (value !== 0x0a) return
      for (const [milestone, pattern] of MILESTONES) if (pattern.test(line)) reach(milestone, now)
      if (sign === undefined) {
        const end = signIn(line)
        if (end !== undefined) sign = { end, line: line.trimEnd() }
      }
      text += line
      if (text.length > LIMIT) text = text.slice(-LIMIT / 2)
      onText?.(line)
      line = ''
    },
    save: () => ({ text: text + line, milestones: [...milestones] }),
    restore(state) {
      text = state.text
      line = ''
      sign = undefined
      milestones.clear()
      for (const [milestone, at] of state.milestones) milestones.set(milestone, at)
    },
  }
}
