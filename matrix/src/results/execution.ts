export type { Execution, ExchangeStep } from '@vmbus/report'
