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
export {
  OptionsError,
  StateError,
  checkOptions,
  restoreState,
  stateForm,
  type StateForm,
  type StateHead,
  type WorldErrorCode,
} from './checked.ts'
export { BASES, valuesOf, weakestOf, type Basis, type Evidenced, type Field } from './evidence.ts'
export { plainCopy } from './plain.ts'
export {
  ShapeMismatch,
  alike,
  anything,
  bigInteger,
  bytes,
  callable,
  dictionary,
  either,
  flag,
  instance,
  integer,
  list,
  nullable,
  number,
  object,
  oneOf,
  optional,
  pair,
  text,
  textLike,
  u16,
  u32,
  u64,
  u8,
  uncopied,
  type Fields,
  type Given,
  type Shape,
  type Shaped,
} from './shape.ts'
export { scopedTimers, timerQueue, type TimerQueue, type Timers } from './timers.ts'
export { seeded, type Identity, type Seed } from './seed.ts'
export type { Diagnose, Diagnostic, TraceEvent, TraceSink } from './trace.ts'
