export { encode } from './encode.ts'
export {
  GPADL_BODY_PFNS,
  GPADL_HEADER_PFNS,
  MAX_MESSAGE_BYTES,
  MessageId,
  type MessageName,
  type MessageNumber,
} from './ids.ts'
export { MESSAGES, messageEntry, type MessageEntry } from './table.ts'
export * as layouts from './layouts.ts'
export { PipeType, hvsockUserDefined, pipeUserDefined } from './user-defined.ts'
