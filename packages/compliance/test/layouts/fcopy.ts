import { fcopyData, fcopyHeader, fcopyStart } from '@vmbus/fcopy/protocol'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = byName(fcopyHeader, fcopyStart, fcopyData)
