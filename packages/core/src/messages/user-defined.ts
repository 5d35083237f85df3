import { bytes, guid, pad, struct, u32, u8 } from '@vmbus/layout'

/** The 120 bytes of an offer's user data in named-pipe mode (OpenVMM PipeUserDefinedParameters). */
export const pipeUserDefined = struct(
  'openvmm:vmbus.vmbus_core.protocol::PipeUserDefinedParameters',
  { pipeType: u32, userDefined: bytes(112), flags: u32 },
  { size: 120 },
)

export const PipeType = { byte: 0, message: 4 } as const

/** The head of an hvsock offer's user data; the version is 0 before RS5, the silo exists from then on. */
export const hvsockUserDefined = struct(
  'openvmm:vmbus.vmbus_core.protocol::HvsockUserDefinedParameters',
  { pipeType: u32, isForGuestAccept: u8, isForGuestContainer: u8, version: u32, siloId: guid, _padding: pad(2) },
  { size: 28 },
)
