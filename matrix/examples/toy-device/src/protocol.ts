/** Chosen for this device: no other has it. */
export const ECHO_INTERFACE = '7b1f5a0e-6f0d-4c53-9d0b-2f6c7e1a9c01'
export const ECHO_INSTANCE = '7b1f5a0e-6f0d-4c53-9d0b-2f6c7e1a9c02'

/** The host says hello with its versions, the guest answers with the one that it takes, 0 for none; then echoes follow. */
export const MessageType = { hello: 1, echo: 2 } as const

/** Bytes of an echo at most: version 1 has one short message, version 2 a page. */
export const MOST: Readonly<Record<number, number>> = { 1: 64, 2: 2048 }

/** Little endian: type, then a version or an id, then the length of what follows, each 32 bits. */
const HEADER = 12

export interface Message {
  readonly type: number
  readonly number: number
  readonly bytes: Uint8Array
}

export function encode({ type, number, bytes }: Message): Uint8Array {
  const message = new Uint8Array(HEADER + bytes.length)
  const view = new DataView(message.buffer)
  for (const [index, word] of [type, number, bytes.length].entries()) view.setUint32(index * 4, word, true)
  message.set(bytes, HEADER)
  return message
}

/** A message, copied out of a packet's payload, which is padded; undefined when it is too short for what it says. */
export function decode(payload: Uint8Array): Message | undefined {
  if (payload.length < HEADER) return undefined
  const view = new DataView(payload.buffer, payload.byteOffset)
  const [type, number, length] = [0, 4, 8].map((at) => view.getUint32(at, true))
  if (type === undefined || number === undefined || length === undefined) return undefined
  return HEADER + length > payload.length ? undefined : { type, number, bytes: payload.slice(HEADER, HEADER + length) }
}

/** The payload of a packet. */
export const payloadOf = (packet: {
  readonly bytes: Uint8Array
  readonly payloadOffset: number
  readonly payloadLength: number
}): Uint8Array => packet.bytes.subarray(packet.payloadOffset, packet.payloadOffset + packet.payloadLength)
