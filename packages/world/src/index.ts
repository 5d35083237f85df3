export {
  DEFAULT_EPOCH,
  TICKS_PER_MS,
  TICKS_PER_SECOND,
  UNIX_EPOCH_FILE_TIME,
  fileTimeOf,
  unixMsOf,
  virtualClock,
  type Clock,
  type VirtualClock,
} from './clock.ts'
export { plainCopy } from './plain.ts'
export { scopedTimers, timerQueue, type TimerQueue, type Timers } from './timers.ts'
export { seeded, type Identity, type Seed } from './seed.ts'
export type { Diagnose, Diagnostic, TraceEvent, TraceSink } from './trace.ts'
