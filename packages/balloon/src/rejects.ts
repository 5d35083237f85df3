/**
 * Every way in which the host refuses what a guest sends: the `branch` of the diagnostic. A hostile-peer run that never
 * reaches one of them has not tested it.
 */
export const BALLOON_HOST_REJECTS = {
  'message-short': 'shorter than the header',
  'message-type': 'no message of this type goes to a host',
  'message-size': 'its size is below that of its type, or beyond the packet',
  'version-order': 'a version request after one was accepted',
  'capabilities-order': 'capabilities before the version, or twice',
  'balloon-unasked': 'a balloon response that was not asked for',
  'balloon-ranges': 'a balloon response shorter than its ranges',
  'balloon-foreign': 'pages that the guest does not have',
  'balloon-more': 'more pages than were asked for',
  'unballoon-unasked': 'an unballoon response that was not asked for',
  'hot-add-unasked': 'a hot add response that was not asked for',
} as const

export type BalloonHostReject = keyof typeof BALLOON_HOST_REJECTS

/** The same of a guest. */
export const BALLOON_GUEST_REJECTS = {
  'message-short': 'shorter than the header',
  'message-type': 'no message of this type goes to a guest',
  'message-size': 'its size is below that of its type, or beyond the packet',
  'message-early': 'a request before the capabilities were accepted',
  'version-order': 'a version response that was not asked for',
  'version-none': 'the host accepts no version',
  'capabilities-order': 'a capabilities response that was not asked for',
  'capabilities-refused': 'the host refused the capabilities',
  silence: 'the host did not answer in time',
  'unballoon-ranges': 'an unballoon request shorter than its ranges',
  'hot-add-region': 'hot add off the blocks that were declared, or of memory in use',
} as const

export type BalloonGuestReject = keyof typeof BALLOON_GUEST_REJECTS
