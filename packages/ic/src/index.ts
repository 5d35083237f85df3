export { defineIc, type IcDefinition } from './define-ic.ts'
export { setDeadline } from './deadline.ts'
export {
  framingOf,
  icGuest,
  icGuestFields,
  icGuestState,
  type IcAnswerable,
  type IcGuest,
  type IcGuestHandler,
  type IcGuestOptions,
  type IcGuestState,
  type IcRequest,
} from './guest.ts'
export { icHost, icHostState, type IcHost, type IcHostHandler, type IcHostState, type IcPhase } from './host.ts'
export {
  answerNegotiation,
  icVersions,
  negotiationAnswer,
  negotiationRequest,
  type IcChoice,
  type IcVersions,
  type MatchPolicy,
  type Negotiated,
} from './negotiate.ts'
export {
  At,
  HResult,
  IC_RING_PAGES,
  IcFlags,
  IcType,
  MAX_MESSAGE_BYTES,
  NEGOTIATION_SECONDS,
  PIPE_DATA,
  PIPE_MODE_FLAG,
  icHeader,
  icVersion,
  icVersionLayout,
  icVersionText,
  negotiateHeader,
  pipeHeader,
  pipeUserData,
  type IcVersion,
} from './protocol.ts'
export { IC_GUEST_REJECTS, IC_HOST_REJECTS, type IcGuestReject, type IcHostReject } from './rejects.ts'
export { inMessages } from './trace.ts'
