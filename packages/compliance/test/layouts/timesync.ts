import type { Entries } from './entry.ts'

export const entries: Entries = {}
