import type { ExchangeStep, Execution } from '@vmbus/report'
import { MessageId } from '@vmbus/core'
import { createNamer, type Entry, type TracedDevice } from '@vmbus/trace'
import { TICKS_PER_SECOND } from '@vmbus/world'

/** Steps that are told of the beginning and of the end. */
export interface Told {
  readonly first: number
  readonly last: number
}

/** From the first contact to agreed versions, and what came last: some 2 kB of an execution. */
const SHORT: Told = { first: 16, last: 8 }

/** Entries at the end that are looked at for each step of it: alike ones in a row are one step. */
const WINDOW = 16

const TICKS_PER_MICROSECOND = TICKS_PER_SECOND / 1e6

/** Messages and packets, each with what it names: a packet that names something says nothing but that. */
function* stepsOf(entries: Iterable<Entry>, name: ReturnType<typeof createNamer>): Generator<ExchangeStep> {
  let step: ExchangeStep | undefined
  let isNamed = false
  for (const entry of entries) {
    if (entry.kind === 'note') continue
    const { says, channel, bytes } = name(entry)
    if (entry.kind === 'transfer') {
      if (step !== undefined) step = { ...step, says: isNamed ? step.says : says, bytes: (step.bytes ?? 0) + bytes }
      isNamed = true
      continue
    }
    if (step !== undefined) yield step
    isNamed = false
    step = {
      from: entry.to === 'host' ? 'guest' : 'host',
      says,
      ...(entry.kind === 'packet' && { ring: channel ?? `channel ${entry.relid}` }),
      time: Math.round(entry.time / TICKS_PER_MICROSECOND),
      bytes,
    }
  }
  if (step !== undefined) yield step
}

const isAlike = (one: ExchangeStep, other: ExchangeStep): boolean =>
  one.from === other.from && one.says === other.says && one.ring === other.ring

const sum = (one: ExchangeStep, other: ExchangeStep): ExchangeStep => ({
  ...one,
  bytes: (one.bytes ?? 0) + (other.bytes ?? 0),
  count: (one.count ?? 1) + (other.count ?? 1),
})

/** Alike ones in a row become one. */
function* joined(steps: Iterable<ExchangeStep>): Generator<ExchangeStep> {
  let run: ExchangeStep | undefined
  for (const step of steps) {
    const isMore: boolean = run !== undefined && isAlike(run, step)
    if (run !== undefined && !isMore) yield run
    run = run !== undefined && isMore ? sum(run, step) : step
  }
  if (run !== undefined) yield run
}

/** Steps that alternate: two of them, how often they came, and the first by itself where there is one more of it. */
function pairOf(steps: readonly ExchangeStep[]): readonly ExchangeStep[] {
  if (steps.length < 4) return steps
  const odd = steps.length % 2
  const [requests, answers] = [0, 1].map((which) => steps.slice(odd).filter((_, at) => at % 2 === which))
  return [...steps.slice(0, odd), ...[requests, answers].flatMap((each) => each?.reduce(sum) ?? [])]
}

/** A request and its answer that come again and again become one of each. */
function* paired(steps: Iterable<ExchangeStep>): Generator<ExchangeStep> {
  let held: ExchangeStep[] = []
  for (const step of steps) {
    const before = held.at(-2)
    if (before !== undefined && !isAlike(before, step)) {
      const last = held.length === 2 ? held.slice(1) : []
      yield* held.length === 2 ? held.slice(0, 1) : pairOf(held)
      held = last
    }
    held.push(step)
  }
  yield* pairOf(held)
}

const told = (entries: Iterable<Entry>, name: ReturnType<typeof createNamer>): Iterable<ExchangeStep> =>
  paired(joined(stepsOf(entries, name)))

const isMessage = ({ kind }: Entry): boolean => kind === 'message' || kind === 'packet'
const messages = (steps: readonly ExchangeStep[]): number => steps.reduce((sum, { count = 1 }) => sum + count, 0)
const isOffer = (entry: Entry): entry is Extract<Entry, { readonly kind: 'message' }> =>
  entry.kind === 'message' && entry.bytes[0] === MessageId.offerChannel

/** The first and the last steps of what crossed between `devices` and their drivers; what is between is counted. `dropped`: entries that nobody has any more. */
export function exchangeOf(
  { entries, dropped }: { readonly entries: readonly Entry[]; readonly dropped: number },
  devices: readonly TracedDevice[],
  { first, last }: Told = SHORT,
): readonly ExchangeStep[] {
  const name = createNamer(devices)
  const head: ExchangeStep[] = []
  for (const step of told(entries, name)) {
    if (head.push(step) === first) break
  }
  const lost = (step: ExchangeStep, at: number): ExchangeStep =>
    at === 0 && dropped > 0 ? { ...step, untold: dropped } : step
  const begun = head.map(lost)
  const inHead = messages(head)
  let seen = 0
  const next = entries.findIndex((entry) => isMessage(entry) && ++seen > inHead)
  if (next < 0) return begun
  const left = entries.slice(next).filter(isMessage).length
  // A window that begins with what a packet before it named would tell that of nobody: those are left out.
  const window = entries.slice(Math.max(next, entries.length - last * WINDOW))
  for (const offer of entries.filter(isOffer)) name(offer)
  const tail = last === 0 ? [] : [...told(window, name)].slice(-last)
  const untold = left - messages(tail)
  return [...begun, ...tail.map((step, at) => (at === 0 && untold > 0 ? { ...step, untold } : step))]
}

/** An exchange with what ended it, where the probe did not find all as it should be. */
export function endedBy(
  exchange: readonly ExchangeStep[],
  { outcome, reason, decidedBy }: Pick<Execution, 'outcome' | 'reason' | 'decidedBy'>,
): readonly ExchangeStep[] {
  const isWell = outcome === 'works' || (outcome === 'partial' && decidedBy === undefined)
  return isWell || reason === ''
    ? exchange
    : [...exchange, { from: decidedBy?.of ?? 'guest', says: reason, ends: true }]
}
