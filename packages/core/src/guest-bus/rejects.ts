/** Every way in which a guest refuses what a host sends: the `branch` of the diagnostic. */
export const GUEST_REJECTS = {
  'message-type': 'a SynIC message of another type than 1',
  'message-short': 'shorter than the message that it names',
  'message-unknown': 'no message of this number goes to a guest',
  'version-unexpected': 'no contact is under way',
  'version-state': 'the host knows the version and failed',
  'version-pages': 'monitor pages of the host that are no pages of RAM',
  'offer-unexpected': 'offers were not requested',
  'offer-relid': 'relid 0, or above 2047',
  'offer-duplicate': 'relid in use',
  'offer-live': 'another offer of a device that is there',
  'offer-orphan': 'a subchannel without its primary, or twice',
  'all-offers-unexpected': 'offers were not requested, or all delivered already',
  'rescind-unknown': 'no channel of this relid',
  'created-unknown': 'no GPADL of this id is being created on this channel',
  'torndown-unknown': 'no GPADL of this id is being torn down',
  'opened-unknown': 'no open of this id is under way on this channel',
  'modified-unknown': 'no MODIFYCHANNEL is under way on this channel',
  'unloaded-unexpected': 'no UNLOAD is under way',
  'paused-unexpected': 'no PAUSE is under way',
  'connection-unexpected': 'no MODIFY_CONNECTION is under way',
  'signal-unknown': 'an event flag without an open channel',
} as const

export type GuestReject = keyof typeof GUEST_REJECTS
