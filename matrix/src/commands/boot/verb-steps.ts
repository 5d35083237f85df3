import type { Guest } from '@vmbus/machine-v86'
import { VerbError, codeOf, isDefect, reasonOf } from '../failure.ts'

/** Where a verb runs, and whom it tells. */
export interface Stage {
  readonly guest: Pick<Guest, 'call' | 'events' | 'until' | 'exec' | 'run' | 'ended'>
  say(text: string): void
}

/** Guest seconds for an answer: the daemons' own limits are 30 s. */
export const ANSWER_SECONDS = 70

/** The verb was understood, and what it asked for did not come about. */
export function fail(message: string): never {
  throw new VerbError(message)
}

/** Asks the host. What it, a device or a file of this machine refuses ends the verb; what is broken here does not. */
export async function call({ guest }: Stage, action: string, argument: unknown): Promise<unknown> {
  try {
    return await guest.call(action, argument)
  } catch (error) {
    if (isDefect(error) || /^VMBUS_MACHINE_[A-Z]+$/.test(codeOf(error))) throw error
    throw new VerbError(reasonOf(error), { cause: error })
  }
}

const isTimeout = (error: unknown): boolean => codeOf(error) === 'VMBUS_MACHINE_TIMEOUT'

/** Waits for the event after which there is something to find; guest time that passes without it ends the verb. */
async function found<T>(
  { guest }: Stage,
  action: string,
  ending: string,
  find: () => T | undefined,
  seconds = ANSWER_SECONDS,
): Promise<T> {
  for (;;) {
    const it = find()
    if (it !== undefined) return it
    await guest.until(`event:${ending}`, { seconds }).catch((error: unknown) => {
      if (isTimeout(error)) fail(`${action} did not end within ${seconds} s of the guest's time`)
      throw error
    })
  }
}

/** Asks the host's device and waits for the event that ends the request with its id. */
export async function ask(
  stage: Stage,
  action: string,
  argument: unknown,
  ending: string,
  seconds = ANSWER_SECONDS,
): Promise<void> {
  const { guest, say } = stage
  const id = await call(stage, action, argument)
  if (typeof id !== 'number') return fail(`not begun: ${String(id)}`)
  const find = (): unknown =>
    guest.events.find(({ name, detail }) => name === ending && (detail as { readonly id?: number }).id === id)?.detail
  const end = (await found(stage, action, ending, find, seconds)) as {
    readonly outcome?: string
    readonly status?: number
  }
  say(JSON.stringify(end))
  if (end.outcome !== 'ok')
    fail(`${action} ended with ${end.outcome ?? '?'}, the guest's last status is ${statusText(end.status)}`)
}

const statusText = (status = -1): string => (status < 0 ? 'none' : `0x${status.toString(16)}`)

/** Takes a device away, and waits until the guest has let go of it. */
export async function remove(stage: Stage, action: string): Promise<void> {
  const { guest, say } = stage
  const before = guest.events.length
  await call(stage, action, undefined)
  await found(stage, action, 'released', () => guest.events.slice(before).find(({ name }) => name === 'released'))
  say('done')
}

/** For operations without an id: one at a time, ended by the next event of the name. */
export async function begin(stage: Stage, action: string, argument: unknown, ending: string): Promise<void> {
  const { guest, say } = stage
  const before = guest.events.length
  const begun = await call(stage, action, argument)
  if (begun !== 'begun') return fail(`not begun: ${String(begun)}`)
  const find = (): unknown => guest.events.slice(before).find(({ name }) => name === ending)?.detail
  const end = (await found(stage, action, ending, find)) as { readonly failed?: string }
  say(JSON.stringify(end))
  if (end.failed !== undefined) fail(end.failed)
}

export async function tell(stage: Stage, action: string, argument?: unknown): Promise<void> {
  const answer = await call(stage, action, argument)
  stage.say(answer === undefined ? 'done' : JSON.stringify(answer))
}
