export { diff, type Difference } from './diff.ts'
export { byExchange } from './exchanges.ts'
export { fromFixture, toFixture, type Provenance } from './fixture.ts'
export { TranscriptError, fromJsonLine, toJsonLine } from './json.ts'
export { normalise, type Line, type Normalised } from './normalise.ts'
export { diffMemory, type MemoryFacts } from './memory.ts'
export { createNamer, type Named } from './names.ts'
export { createPrinter } from './print.ts'
export {
  createTranscript,
  type Entry,
  type EventCounts,
  type Transcript,
  type TranscriptOptions,
} from './transcript.ts'
export { classesOf, type Classes, type TracedDevice } from './devices.ts'
export { variableInMessage, variableInPacket, variableInTransfer } from './variable.ts'
