import type { Answers } from '../probes/ends.ts'
import type { Waits } from './surface.ts'

const ANSWER_SECONDS = 300

/** Waits for the event of a host end that answers a request, and takes it from those that were told, by `name id`. */
export async function answerTo<N extends keyof Answers>(
  event: N,
  id: number,
  told: () => Map<string, unknown>,
  until: Waits,
): Promise<Answers[N] | undefined> {
  const answers = told()
  const key = `${event} ${id}`
  await until(() => answers.has(key), ANSWER_SECONDS)
  const detail = answers.get(key)
  answers.delete(key)
  // The ends say with which event they answer: `Answers` has their types.
  return detail as Answers[N] | undefined
}
