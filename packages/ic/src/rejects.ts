/**
 * Every way in which a component's host refuses what a guest sends, by its framing alone: the `branch` of the diagnostic.
 * A hostile-peer run that never reaches one of them has not tested it.
 */
export const IC_HOST_REJECTS = {
  'message-short': 'shorter than pipe and component header',
  'message-type': 'a pipe message that is not data',
  'message-length': 'a length beyond the packet',
  'not-response': 'a request, which no guest sends',
  'negotiation-unasked': 'an answer to a negotiation that is over',
  'negotiation-none': 'no version, or none that was offered',
  'response-unasked': 'a response without its request',
} as const

export type IcHostReject = keyof typeof IC_HOST_REJECTS

/** The same of a component's guest. */
export const IC_GUEST_REJECTS = {
  'message-short': 'shorter than pipe and component header',
  'message-type': 'a pipe message that is not data',
  'negotiation-none': 'a negotiation that is malformed or has no common version',
  'other-component': 'a request for another component',
} as const

export type IcGuestReject = keyof typeof IC_GUEST_REJECTS
