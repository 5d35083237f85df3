import type { PageRange } from '@vmbus/core'
import {
  BODY,
  MESSAGE_BYTES,
  NvspType,
  messageHeader,
  sendRndisPacket,
  sendRndisPacketComplete,
} from '../protocol/nvsp.ts'
import { PPI_WORD } from '../protocol/ppi.ts'
import { PACKET_HEADER } from '../protocol/rndis.ts'
import { PAGE, rangeOf } from './memory.ts'
import type { Receiver, SendBuffers, Sender } from './types.ts'

/** Hash, tag, and checksum or large send. */
const MOST_INFOS = 3
/** The only message of Linux that is shorter than MESSAGE_BYTES. */
const COMPLETION_BYTES = 8

export function createSendBuffers(): SendBuffers {
  const header = new Uint8Array(PACKET_HEADER + MOST_INFOS * PPI_WORD)
  const message = new Uint8Array(MESSAGE_BYTES)
  const completion = new Uint8Array(COMPLETION_BYTES)
  const word = new Uint8Array(4)
  return {
    headers: Array.from({ length: MOST_INFOS + 1 }, (_, infos) => header.subarray(0, PACKET_HEADER + infos * PPI_WORD)),
    header: new DataView(header.buffer),
    hash: { value: 0, type: 0 },
    message,
    messageView: new DataView(message.buffer),
    completion,
    completionView: new DataView(completion.buffer),
    word,
    wordView: new DataView(word.buffer),
    ranges: [],
    whole: { byteOffset: 0, byteCount: 0, pfns: [] },
    single: [],
    granted: null,
    sections: [],
  }
}

/** The header that was written, `length` bytes of it. */
export const headerOf = ({ headers }: SendBuffers, length: number): Uint8Array =>
  headers[(length - PACKET_HEADER) / PPI_WORD] ?? NOTHING
const NOTHING = new Uint8Array(0)

/** The message that carries RNDIS bytes: always 40 bytes, as Linux sends. */
export function rndisMessage(
  { message, messageView }: SendBuffers,
  type: number,
  section: number,
  size: number,
): Uint8Array {
  messageHeader.write.msg_type(messageView, 0, NvspType.sendRndisPacket)
  sendRndisPacket.write.channel_type(messageView, BODY, type)
  sendRndisPacket.write.send_buf_section_index(messageView, BODY, section)
  sendRndisPacket.write.send_buf_section_size(messageView, BODY, size)
  return message
}

/** The message that gives a received packet's sub-allocations back. */
export function completionMessage({ completion, completionView }: Receiver['sending'], status: number): Uint8Array {
  messageHeader.write.msg_type(completionView, 0, NvspType.sendRndisPacketComplete)
  sendRndisPacketComplete.write.status(completionView, BODY, status)
  return completion
}

/** The send buffer as ranges to copy to. */
export function sectionsOf({ sending, state }: Sender): readonly PageRange[] {
  const { send } = state
  if (sending.granted !== send) {
    sending.granted = send
    sending.sections = send === null ? [] : [rangeOf(send.pfns, send.pfns.length * PAGE)]
  }
  return sending.sections
}

/** Pages as one range of `length` bytes, or as a range for each page. */
export function rangesOf(
  { ranges, whole, single }: SendBuffers,
  pfns: number[],
  length: number,
  apart: boolean,
): readonly PageRange[] {
  while (ranges.length > 0) ranges.pop()
  if (!apart) {
    whole.byteCount = length
    whole.pfns = pfns
    ranges.push(whole)
    return ranges
  }
  for (let index = 0; index < pfns.length; index++) {
    const range = (single[index] ??= { byteOffset: 0, byteCount: 0, pfns: [0] })
    range.byteCount = Math.min(PAGE, length - index * PAGE)
    range.pfns[0] = pfns[index] ?? 0
    ranges.push(range)
  }
  return ranges
}
