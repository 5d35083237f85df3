import { array, struct, u16, u32, u8 } from '@vmbus/layout'

/** Pipe header of a message-mode pipe: type 1 (data) and the bytes after this header. Linux include/linux/hyperv.h. */
export const pipeHeader = struct('vmbuspipe_hdr', { flags: u32, msgsize: u32 }, { size: 8 })

/** A version on the wire: major, then minor. */
export const icVersionLayout = struct('ic_version', { major: u16, minor: u16 }, { size: 4 })

/** The header that every integration component message carries after the pipe header (wire/06 §1). */
export const icHeader = struct(
  'icmsg_hdr',
  {
    icverframe: icVersionLayout,
    icmsgtype: u16,
    icvermsg: icVersionLayout,
    icmsgsize: u16,
    status: u32,
    ictransaction_id: u8,
    icflags: u8,
    reserved: array(u8, 2),
  },
  { size: 20 },
)

/** Fixed part of the negotiation body; `icframe_vercnt + icmsg_vercnt` versions follow. */
export const negotiateHeader = struct(
  'icmsg_negotiate',
  { icframe_vercnt: u16, icmsg_vercnt: u16, reserved: u32 },
  { size: 8 },
)

/** Offsets from the start of the packet's payload, for in-place answers. */
export const At = {
  pipeType: 0,
  pipeSize: 4,
  framework: 8,
  type: 12,
  version: 14,
  size: 18,
  status: 20,
  transaction: 24,
  flags: 25,
  /** ICMSG_HDR of Linux: where the body begins. */
  body: 28,
} as const

export const IcType = {
  negotiate: 0,
  heartbeat: 1,
  kvp: 2,
  shutdown: 3,
  timesync: 4,
  vss: 5,
  rdv: 6,
  fcopy: 7,
} as const

export const IcFlags = { transaction: 1, request: 2, response: 4 } as const

/** Pipe message type "data". */
export const PIPE_DATA = 1

/** HRESULTs that integration components answer with (wire/06 §6). */
export const HResult = {
  ok: 0,
  fail: 0x80004005,
  invalidArgument: 0x80070057,
  noMoreItems: 0x80070103,
  notSupported: 0x80070032,
  alreadyExists: 0x80070050,
  diskFull: 0x80070070,
  machineLocked: 0x800704f7,
  notConnected: 0x8007048f,
  guidNotFound: 0x80041002,
} as const

/** major << 16 | minor, so that versions compare as numbers. */
export type IcVersion = number

export const icVersion = (major: number, minor: number): IcVersion => (major << 16) | minor

/** `3.2` of 0x30002. */
export const icVersionText = (version: IcVersion): string => `${version >>> 16}.${version & 0xffff}`

/** Linux parses at most this many versions in all (drivers/hv/channel_mgmt.c, IC_VERSION_NEGOTIATION_MAX_VER_COUNT). */
export const MAX_VERSION_COUNT = 100

/** Largest component part of a message that a host sends (OpenVMM hyperv_ic_protocol, MAX_MESSAGE_SIZE). */
export const MAX_MESSAGE_BYTES = 13_312

/**
 * How long a host waits for the answer to its negotiation. Linux puts an answer off for 55 s at most while its daemon is away,
 * so as to be within the host's time (drivers/hv/hyperv_vmbus.h, HV_UTIL_NEGO_TIMEOUT).
 */
export const NEGOTIATION_SECONDS = 60

/** Ring size of the components in pages, control page included: Linux drivers/hv/hv_util.c asks for 3·4096 + 4096. */
export const IC_RING_PAGES = 4

/** Offer flag and user data of a message-mode pipe (wire/02 §4). */
export const PIPE_MODE_FLAG = 0x10

export function pipeUserData(): Uint8Array {
  const data = new Uint8Array(120)
  data[0] = 4
  return data
}
