import type { BaseIssue } from 'valibot'

/** Kinds of issues whose schemas have a message of their own, which says more than valibot knows. */
const TOLD: readonly string[] = ['custom', 'regex', 'check']

/** What a schema expects where something else stands. Of a name that no object has, it is the name that stands there. */
export function expectedBy({ type, expected, message }: BaseIssue<unknown>): string {
  if (expected === 'never') return 'no such name'
  return TOLD.includes(type) ? message : (expected ?? message)
}
