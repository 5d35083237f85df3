/** Channel message ids (Linux include/linux/hyperv.h `enum vmbus_channel_message_type`; 25 to 29 OpenVMM protocol.rs). */
export const MessageId = {
  offerChannel: 1,
  rescindChannelOffer: 2,
  requestOffers: 3,
  allOffersDelivered: 4,
  openChannel: 5,
  openChannelResult: 6,
  closeChannel: 7,
  gpadlHeader: 8,
  gpadlBody: 9,
  gpadlCreated: 10,
  gpadlTeardown: 11,
  gpadlTorndown: 12,
  relidReleased: 13,
  initiateContact: 14,
  versionResponse: 15,
  unload: 16,
  unloadResponse: 17,
  openReservedChannel: 18,
  closeReservedChannel: 19,
  closeReservedChannelResponse: 20,
  tlConnectRequest: 21,
  modifyChannel: 22,
  tlConnectResult: 23,
  modifyChannelResponse: 24,
  modifyConnection: 25,
  modifyConnectionResponse: 26,
  pause: 27,
  pauseResponse: 28,
  resume: 29,
} as const

export type MessageName = keyof typeof MessageId
export type MessageNumber = (typeof MessageId)[MessageName]

/** Payload of HvPostMessage and of a SynIC message slot. */
export const MAX_MESSAGE_BYTES = 240
/** PFNs that fit into one GPADL_HEADER of a single range, and into one GPADL_BODY. */
export const GPADL_HEADER_PFNS = 26
export const GPADL_BODY_PFNS = 28
