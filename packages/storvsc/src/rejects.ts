/**
 * Every way in which a controller gives up on its guest: the `branch` of the diagnostic. What is wrong with a request alone
 * is in its answer. A hostile-peer run that never reaches one of them has not tested it.
 */
export const STORVSC_HOST_REJECTS = {
  'message-type': 'neither in-band nor GPA-direct, or nobody waits for its answer',
  'message-short': 'shorter than header and status',
  'request-short': 'a request shorter than that of the oldest version',
  'request-ranges': 'more than one range, or one that is shorter than the transfer',
  operation: 'no such operation',
} as const

export type StorvscHostReject = keyof typeof STORVSC_HOST_REJECTS

/** What a driver drops of its host's, and the steps of the set-up at which it gives up, as its event `failed` names them. */
export const STORVSC_GUEST_REJECTS = {
  'message-short': 'a completion shorter than the version in force has it',
  'completion-unasked': 'a completion that no request waits for',
  'setup-unasked': 'an answer to a set-up packet that was not sent',
  operation: 'an operation that a host does not begin',
  'setup-begin': 'the host refused to begin',
  'setup-version': 'the host takes no version',
  'setup-properties': 'the host refused its properties',
  'setup-end': 'the host refused the end of the set-up',
  'setup-timeout': 'the host did not answer in time',
} as const

export type StorvscGuestReject = keyof typeof STORVSC_GUEST_REJECTS
