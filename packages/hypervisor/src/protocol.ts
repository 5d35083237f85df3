import { array, at, bits, bytes, i32, i64, pad, struct, u16, u32, u64, u8 } from '@vmbus/layout'

/*
 * What lies in guest memory or in a register of the hypervisor interface, under the names of Linux
 * include/asm-generic/hyperv-tlfs.h and arch/x86/include/asm/hyperv-tlfs.h; sizes are those of its BTF (wire/01).
 */

/** Connection ids have 24 significant bits. */
export const hvConnectionId = struct('hv_connection_id', { value: bits(u32, { id: 24, _reserved: 8 }) }, { size: 4 })
export const hvPortId = struct('hv_port_id', { value: bits(u32, { id: 24, _reserved: 8 }) }, { size: 4 })

/** Bit 0: another message waits for this slot, so write EOM when it is free. */
export const hvMessageFlags = struct(
  'hv_message_flags',
  { value: bits(u8, { messagePending: 1, _reserved: 7 }) },
  { size: 1 },
)

export const hvMessageHeader = struct(
  'hv_message_header',
  { messageType: u32, payloadSize: u8, messageFlags: hvMessageFlags, _reserved: pad(2), sender: u64 },
  { size: 16 },
)

/** A slot of the message page; type 0 is a free slot. */
export const hvMessage = struct('hv_message', { header: hvMessageHeader, payload: bytes(240) }, { size: 256 })

/** The message page (SIMP): one slot for each SINT. */
export const hvMessagePage = struct('hv_message_page', { sintMessage: array(hvMessage, 16) }, { size: 4096 })

/** Event flags of one SINT, 2048 bits: flag n is bit n&7 of byte n>>3. */
export const hvSynicEventFlags = struct('hv_synic_event_flags', { flags: bytes(256) }, { size: 256 })

/** The event flags page (SIEFP). */
export const synicEventFlagsPage = struct(
  'synic_event_flags_page',
  { sintFlags: array(hvSynicEventFlags, 16) },
  { size: 4096 },
)

/** Payload of a timer's message; times are 100 ns of reference time. */
export const hvTimerMessagePayload = struct(
  'hv_timer_message_payload',
  { timerIndex: u32, _reserved: pad(4), expirationTime: u64, deliveryTime: u64 },
  { size: 24 },
)

/** Input of HvPostMessage: 8-byte aligned, within one page. */
export const hvInputPostMessage = struct(
  'hv_input_post_message',
  { connectionId: u32, _reserved: pad(4), messageType: u32, payloadSize: u32, payload: bytes(240) },
  { size: 256 },
)

/** Input of HvSignalEvent; the fast form carries the same 8 bytes in a register. */
export const hvInputSignalEvent = struct(
  'hv_input_signal_event',
  { connectionId: u32, flagNumber: u16, _reserved: pad(2) },
  { size: 8 },
)

export const hypercallInputValue = struct(
  'hypercall_input_value',
  {
    value: bits(u64, {
      callCode: 16,
      fast: 1,
      variableHeaderSize: 9,
      _reserved0: 5,
      nested: 1,
      repCount: 12,
      _reserved1: 4,
      repStart: 12,
      _reserved2: 4,
    }),
  },
  { size: 8 },
)
export const hypercallResultValue = struct(
  'hypercall_result_value',
  { value: bits(u64, { result: 16, _reserved0: 16, repsCompleted: 12, _reserved1: 20 }) },
  { size: 8 },
)

/** Registers that enable a page: bit 0, and the page's frame number. */
export const hvSynicSimp = struct(
  'hv_synic_simp',
  { value: bits(u64, { enabled: 1, _preserved: 11, pfn: 52 }) },
  { size: 8 },
)
export const hvSynicSiefp = struct(
  'hv_synic_siefp',
  { value: bits(u64, { enabled: 1, _preserved: 11, pfn: 52 }) },
  { size: 8 },
)
export const hvVpAssistMsr = struct(
  'hv_vp_assist_msr_contents',
  { value: bits(u64, { enabled: 1, _reserved: 11, pfn: 52 }) },
  { size: 8 },
)
export const hvReferenceTscMsr = struct(
  'hv_reference_tsc_msr',
  { value: bits(u64, { enabled: 1, _reserved: 11, pfn: 52 }) },
  { size: 8 },
)
/** Bit 1 locks the register until the partition is reset (TLFS; Linux counts it as reserved). */
export const hvHypercallMsr = struct(
  'hv_x64_msr_hypercall_contents',
  { value: bits(u64, { enabled: 1, locked: 1, _reserved: 10, pfn: 52 }) },
  { size: 8 },
)

export const hvSynicScontrol = struct(
  'hv_synic_scontrol',
  { value: bits(u64, { enabled: 1, _reserved: 63 }) },
  { size: 8 },
)
export const hvSynicSint = struct(
  'hv_synic_sint',
  { value: bits(u64, { vector: 8, _reserved1: 8, masked: 1, autoEoi: 1, polling: 1, _reserved2: 45 }) },
  { size: 8 },
)
export const hvStimerConfig = struct(
  'hv_stimer_config',
  {
    value: bits(u64, {
      enable: 1,
      periodic: 1,
      lazy: 1,
      autoEnable: 1,
      apicVector: 8,
      directMode: 1,
      _reserved0: 3,
      sint: 4,
      _reserved1: 44,
    }),
  },
  { size: 8 },
)

/** Start of the reference TSC page: time = ((tsc · scale) >> 64) + offset; sequence 0 is "not valid". */
export const hvReferenceTscPage = struct(
  'ms_hyperv_tsc_page',
  { tscSequence: u32, _reserved: pad(4), tscScale: u64, tscOffset: i64 },
  { size: 24 },
)

export const hvMonitorTriggerState = struct(
  'hv_monitor_trigger_state',
  { value: bits(u32, { groupEnable: 4, _reserved: 28 }) },
  { size: 4 },
)
export const hvMonitorTriggerGroup = struct('hv_monitor_trigger_group', { pending: u32, armed: u32 }, { size: 8 })
export const hvMonitorParameter = struct(
  'hv_monitor_parameter',
  { connectionId: u32, flagNumber: u16, _reserved: pad(2) },
  { size: 8 },
)

/** A monitor page: four groups of 32 triggers; latency in 100 ns units. */
export const hvMonitorPage = struct(
  'hv_monitor_page',
  {
    triggerState: hvMonitorTriggerState,
    triggerGroup: at(0x008, array(hvMonitorTriggerGroup, 4)),
    nextCheckTime: at(0x040, array(i32, 4 * 32)),
    latency: at(0x240, array(u16, 4 * 32)),
    parameter: at(0x440, array(hvMonitorParameter, 4 * 32)),
    _reserved: at(0x840, pad(1984)),
  },
  { size: 4096 },
)

/** Bytes of one slot of the message page. */
export const SLOT_BYTES = hvMessage.size
/** Where a slot's payload begins. */
export const PAYLOAD_OFFSET = hvMessage.offsets.payload
/** Bytes of a message's payload at most. */
export const MAX_PAYLOAD = SLOT_BYTES - PAYLOAD_OFFSET
/** Event flags of one SINT. */
export const FLAGS_PER_SINT = hvSynicEventFlags.size * 8
/** msg_pending as a bit of the 32-bit word at offset 4 of a slot (payload size, flags, reserved). */
export const MESSAGE_PENDING = 1 << ((hvMessageHeader.offsets.messageFlags - 4) * 8)

/** message_type of what a slot may hold (TLFS HV_MESSAGE_TYPE; Linux enum hv_message_type). */
export const MESSAGE_TYPE = {
  none: 0,
  /** A VMBus channel message. */
  vmbus: 1,
  timerExpired: 0x8000_0010,
} as const

/** Call codes (wire/01 §6). */
export const HYPERCALL = {
  postMessage: 0x005c,
  signalEvent: 0x005d,
} as const
/** Bit 16 of the control value: the input is in registers. */
export const HYPERCALL_FAST = 1 << 16

/** The SINT of VMBus on every guest (Linux VMBUS_MESSAGE_SINT, FreeBSD VMBUS_SINT_MESSAGE). */
export const VMBUS_SINT = 2

/** The interrupt page of VMBus below 2.4: a bit for each channel, host to guest in the first half. */
export const vmbusInterruptPage = struct(
  'vmbus_interrupt_page',
  { hostToGuest: bytes(2048), guestToHost: bytes(2048) },
  { size: 4096 },
)
