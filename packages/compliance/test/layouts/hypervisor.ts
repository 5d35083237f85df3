import * as hv from '@vmbus/hypervisor'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

export const entries: Entries = {
  ...byName(
    hv.hvConnectionId,
    hv.hvInputPostMessage,
    hv.hvInputSignalEvent,
    hv.hvMessage,
    hv.hvMessageHeader,
    hv.hvMessagePage,
    hv.hvMonitorPage,
    hv.hvMonitorParameter,
    hv.hvMonitorTriggerGroup,
    hv.hvMonitorTriggerState,
    hv.hvPortId,
    hv.hvReferenceTscMsr,
    hv.hvReferenceTscPage,
    hv.hvStimerConfig,
    hv.hvSynicEventFlags,
    hv.hvSynicSiefp,
    hv.hvSynicSimp,
    hv.hvSynicSint,
    hv.hvTimerMessagePayload,
    hv.hvVpAssistMsr,
    hv.hypercallInputValue,
    hv.hypercallResultValue,
    hv.synicEventFlagsPage,
    hv.vmbusInterruptPage,
  ),
  hv_message_flags: { layout: hv.hvMessageFlags, rename: { 'value.messagePending': 'msg_pending' } },
  hv_synic_scontrol: { layout: hv.hvSynicScontrol, rename: { 'value.enabled': 'enable' } },
  hv_x64_msr_hypercall_contents: {
    layout: hv.hvHypercallMsr,
    rename: { 'value.enabled': 'enable', 'value.pfn': 'guest_physical_address' },
  },
}
