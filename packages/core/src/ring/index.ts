export { FEATURE_PENDING_SEND_SIZE, ringArea, ringPagesFault, type RingArea } from './area.ts'
export {
  gpaDirectHeader,
  gpaRange,
  hvRingBuffer,
  packetDescriptor,
  packetTrailer,
  transferPageHeader,
  transferPageRange,
} from './layouts.ts'
export { Rx, RxStatus, type RingFault, type RxOptions, type RxState } from './rx.ts'
export { PACKET_WORDS, Row } from './table.ts'
export { MAX_PACKET_BYTES, Tx, TxStatus, type TxState } from './tx.ts'
