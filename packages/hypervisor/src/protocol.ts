/** Bytes of one slot of the message page (wire/01 §3). */
export const SLOT_BYTES = 256
/** message_type of VMBus channel messages. */
export const VMBUS_MESSAGE_TYPE = 1
/** message_type of a synthetic timer's expiration. */
export const TIMER_MESSAGE_TYPE = 0x8000_0010
export const TIMER_MESSAGE_BYTES = 24
/** msg_pending, flags bit 0, as a bit of the word at offset 4 of the slot (payload size, flags, reserved). */
export const MESSAGE_PENDING = 1 << 8

/** HvPostMessage and HvSignalEvent (wire/01 §6). */
export const HYPERCALL = {
  postMessage: 0x005c,
  signalEvent: 0x005d,
} as const
/** Bit 16 of the control word: parameters are in registers. */
export const HYPERCALL_FAST = 1 << 16
export const POST_MESSAGE_INPUT_BYTES = 256
export const SIGNAL_EVENT_INPUT_BYTES = 8
