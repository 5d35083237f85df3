export type { Execution } from '@vmbus/report'
