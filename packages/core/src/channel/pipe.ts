import { struct, u32 } from '@vmbus/layout'

/** Leads the payload of in-band packets on pipe-mode channels (wire/03 §3): ICs, sockets, input devices. */
export const pipeHeader = struct('vmpipe_proto_header', { type: u32, dataLength: u32 }, { size: 8 })

export const PipePacketType = { data: 1, partial: 2, setupGpaDirect: 3, teardownGpaDirect: 4 } as const

/** Bytes of data that one pipe packet carries at most. */
export const MAX_PIPE_DATA = 16384

/**
 * Where the data of a pipe packet ends that begins at `offset` of `view` with `length` bytes of payload; the data begin 8
 * after `offset`. -1 when it is no data packet or its length exceeds the payload or the limit; equal to the beginning for the
 * end of a stream.
 */
export function pipeDataEnd(view: DataView, offset: number, length: number): number {
  if (length < pipeHeader.size || view.getUint32(offset, true) !== PipePacketType.data) return -1
  const dataLength = view.getUint32(offset + 4, true)
  if (dataLength > MAX_PIPE_DATA || dataLength > length - pipeHeader.size) return -1
  return offset + pipeHeader.size + dataLength
}
