import { heartbeatMessage } from '@vmbus/heartbeat/protocol'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = byName(heartbeatMessage)
