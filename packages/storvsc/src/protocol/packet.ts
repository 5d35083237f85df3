import { array, at, bytes, struct, u16, u32, u64, u8, pad } from '@vmbus/layout'

/** What a packet asks (Linux drivers/scsi/storvsc_drv.c, enum vstor_packet_operation). Every completion says completeIo. */
export const Operation = {
  completeIo: 1,
  removeDevice: 2,
  executeSrb: 3,
  resetLun: 4,
  resetAdapter: 5,
  resetBus: 6,
  beginInitialization: 7,
  endInitialization: 8,
  queryProtocolVersion: 9,
  queryProperties: 10,
  enumerateBus: 11,
  fchbaData: 12,
  createSubChannels: 13,
  /** To a driver that said so when it opened; no known driver of Linux or FreeBSD does. */
  eventNotification: 14,
} as const

/** Packet flag: a completion is wanted. */
export const REQUEST_COMPLETION = 1

/** NTSTATUS values of the protocol (OpenVMM storvsp_protocol/src/lib.rs). */
export const NtStatus = {
  success: 0,
  bufferOverflow: 0x8000_0005,
  deviceBusy: 0x8000_0011,
  unsuccessful: 0xc000_0001,
  invalidParameter: 0xc000_000d,
  invalidDeviceRequest: 0xc000_0010,
  revisionMismatch: 0xc000_0059,
  deviceNotConnected: 0xc000_009d,
  ioTimeout: 0xc000_00b5,
  deviceDoesNotExist: 0xc000_00c0,
  cancelled: 0xc000_0120,
  invalidDeviceState: 0xc000_0184,
  ioDeviceError: 0xc000_0185,
} as const

/** Bytes before the body. */
export const HEADER_BYTES = 12
/** Largest packet: header and a whole request. */
export const PACKET_BYTES = 64
/** Header and the request of protocols up to 4.2, which ends before `reserve`. */
export const PACKET_BYTES_V1 = 48
export const REQUEST_BYTES = 52
export const REQUEST_BYTES_V1 = 36
/** 16-byte descriptor, packet, 8-byte trailer: what a ring needs room for to take any completion. */
export const RING_BYTES = 16 + PACKET_BYTES + 8
export const CDB_BYTES = 16
export const SENSE_BYTES = 20
/** Of protocols up to 4.2: fixed-format sense data and no more. */
export const SENSE_BYTES_V1 = 18
/** `lun` is 8 bits wide, and so are `path_id` and `target_id`. */
export const MAX_ADDRESS = 255

/** A SCSI request block; protocols up to 4.2 end at byte 36. Sense data comes back where the CDB went. */
export const vmscsiRequest = struct(
  'vmscsi_request',
  {
    length: u16,
    srbStatus: u8,
    scsiStatus: u8,
    portNumber: u8,
    pathId: u8,
    targetId: u8,
    lun: u8,
    cdbLength: u8,
    senseInfoLength: u8,
    dataIn: u8,
    reserved: u8,
    dataTransferLength: u32,
    senseData: bytes(SENSE_BYTES),
    cdb: at(16, bytes(CDB_BYTES)),
    reserve: at(36, u16),
    queueTag: u8,
    queueAction: u8,
    srbFlags: u32,
    timeOutValue: u32,
    queueSortKey: u32,
  },
  { size: REQUEST_BYTES },
)

export const channelProperties = struct(
  'vmstorage_channel_properties',
  { reserved: u32, maxChannelCount: u16, reserved1: u16, flags: u32, maxTransferBytes: u32, reserved2: u64 },
  { size: 24 },
)

export const protocolVersion = struct('vmstorage_protocol_version', { majorMinor: u16, revision: u16 }, { size: 4 })

/** World wide names are big-endian. */
export const fcWwnPacket = struct(
  'hv_fc_wwn_packet',
  {
    primaryActive: u8,
    _reserved1: pad(3),
    primaryPortWwn: bytes(8),
    primaryNodeWwn: bytes(8),
    secondaryPortWwn: bytes(8),
    secondaryNodeWwn: bytes(8),
  },
  { size: 36 },
)

export const vstorPacket = struct(
  'vstor_packet',
  {
    operation: u32,
    flags: u32,
    status: u32,
    buffer: bytes(REQUEST_BYTES),
    request: at(HEADER_BYTES, vmscsiRequest),
    properties: at(HEADER_BYTES, channelProperties),
    version: at(HEADER_BYTES, protocolVersion),
    wwn: at(HEADER_BYTES, fcWwnPacket),
    subChannelCount: at(HEADER_BYTES, u16),
  },
  { size: PACKET_BYTES },
)

/** First bytes of an offer's user-defined data (OpenVMM storvsp_protocol, OfferProperties). */
export const offerProperties = struct(
  'OfferProperties',
  { reserved: u16, pathId: u8, targetId: u8, reserved2: u32, flags: u32, reserved3: array(u32, 3) },
  { size: 24 },
)

/** First bytes of OPENCHANNEL user data (OpenVMM storvsp_protocol, ClientProperties); Linux sends 24 zero bytes. */
export const clientProperties = struct('ClientProperties', { flags: u32 }, { size: 4 })

/** Body of an event notification. */
export const notification = struct('NotificationPacket', { lun: u8, target: u8, path: u8, flags: u8 }, { size: 4 })

export const OFFER_IDE_DEVICE = 2
/** Channel properties: sub-channels may be asked for. */
export const PROPERTY_MULTI_CHANNEL = 1

/** `data_in` of a request. */
export const DataIn = { write: 0, read: 1, none: 2 } as const
