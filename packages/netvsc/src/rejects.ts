/**
 * Every way in which a host gives up on its guest: the `branch` of the diagnostic. A send that is broken by itself is
 * completed with a failure instead. A hostile-peer run that never reaches one of them has not tested it.
 */
export const NETVSC_HOST_REJECTS = {
  'message-short': 'shorter than its type needs',
  'message-type': 'no message of this type goes to a host',
  'message-early': 'anything but INIT before INIT succeeded',
  'message-subchannel': 'anything but RNDIS packets on a subchannel',
  'rndis-short': 'an RNDIS packet message that is too short, or that nobody waits for',
  'init-again': 'INIT after INIT succeeded',
  'ndis-again': 'a second NDIS version',
  'config-order': 'an NDIS configuration out of turn',
  'receive-buffer-order': 'a receive buffer before the NDIS configuration, or a second one',
  'send-buffer-again': 'a second send buffer',
  version: 'not known in the version in force',
  'completion-unasked': 'a completion of a packet that the guest does not have',
  'control-short': 'a control message shorter than its type needs',
  'control-type': 'no control message of this type goes to a host',
  'initialize-again': 'a second INITIALIZE',
} as const

export type NetvscHostReject = keyof typeof NETVSC_HOST_REJECTS

/** What a driver drops of its host's. */
export const NETVSC_GUEST_REJECTS = {
  'completion-unasked': 'a completion of what is not under way on the channel',
  'table-size': 'a send table of another size, or beyond its message',
  'receive-message': 'a packet that could not be taken',
  'control-message': 'a control message that makes no sense',
  'answer-unasked': 'an answer that nobody waits for',
  setup: 'an answer in the set-up with which no driver can go on',
} as const

export type NetvscGuestReject = keyof typeof NETVSC_GUEST_REJECTS
