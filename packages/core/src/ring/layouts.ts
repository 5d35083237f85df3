import { array, pad, struct, u16, u32, u8 } from '@vmbus/layout'

/**
 * The control page that leads each ring (wire/03 §1; Linux include/linux/hyperv.h). Indices are byte offsets into the
 * data area. The producer writes `writeIndex`, `pendingSendSize` and `featureBits`, the consumer the other two.
 */
export const hvRingBuffer = struct(
  'hv_ring_buffer',
  {
    writeIndex: u32,
    readIndex: u32,
    interruptMask: u32,
    pendingSendSize: u32,
    _reserved1: array(u32, 12),
    featureBits: u32,
    _reserved2: pad(4028),
  },
  { size: 4096 },
)

/** The first 16 bytes of every packet (wire/03 §3). Lengths count units of 8 bytes; the id is opaque to who did not choose it. */
export const packetDescriptor = struct(
  'vmpacket_descriptor',
  { type: u16, offset8: u16, length8: u16, flags: u16, transactionId: array(u32, 2) },
  { size: 16 },
)

/** Follows every packet; written by all producers, read by none. */
export const packetTrailer = struct('ring_packet_trailer', { reserved: u32, packetStartOffset: u32 }, { size: 8 })

/** Between the descriptor and the ranges of a transfer page packet. */
export const transferPageHeader = struct(
  'openvmm:vmbus.vmbus_ring::TransferPageHeader',
  { setId: u16, senderOwnsSet: u8, reserved: u8, rangeCount: u32 },
  { size: 8 },
)

export const transferPageRange = struct('vmtransfer_page_range', { byteCount: u32, byteOffset: u32 }, { size: 8 })

/** Between the descriptor and the ranges of a GPA-direct packet; `reserved` may hold garbage. */
export const gpaDirectHeader = struct(
  'openvmm:vmbus.vmbus_ring::GpaDirectHeader',
  { reserved: u32, rangeCount: u32 },
  { size: 8 },
)

/** Leads the page frame numbers (u64 each) of a range. */
export const gpaRange = struct('gpa_range', { byteCount: u32, byteOffset: u32 }, { size: 8 })
