/** Words of a packet's row in the tables of `sendv` and `drain`. */
export const PACKET_WORDS = 8

/** What the words of a row say. */
export const Row = {
  /** type | flags << 16 */
  kind: 0,
  /** Where the payload begins: a GPA, its low 32 bits; `payloadHigh` has the others. */
  payload: 1,
  /** Bytes; drained ones are padded to a multiple of 8. */
  payloadLength: 2,
  /** Bytes of the header that belongs to the type, directly before the payload. `sendv` takes no notice of it. */
  headerLength: 3,
  transactionLow: 4,
  transactionHigh: 5,
  /** 1 in a drained row whose `payload` counts in `Rx.bounce`, because the packet lies in pieces in the ring. */
  bounced: 6,
  payloadHigh: 7,
} as const
