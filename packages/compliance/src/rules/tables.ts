import { ruleTable } from './rule.ts'

/** The rules for guests on the bus. */
export const GUEST_RULES = ruleTable({
  'guest-no-throw': ['The guest survives every interrupt and timer.', 'CONTRIBUTING: peers are hostile'],
  'guest-contact-first': [
    'The first message of a connection is INITIATE_CONTACT.',
    'Linux drivers/hv/connection.c, vmbus_connect',
  ],
  'guest-version-once': [
    'A version that was refused is not asked for again in the same negotiation.',
    'Linux drivers/hv/connection.c, vmbus_connect',
  ],
  'guest-known-message': [
    'Every message is one that the version in force has, sent by a guest, and whole.',
    'Linux include/linux/hyperv.h, vmbus_channel_message_type',
  ],
  'guest-offers-once': [
    'Offers are requested once in a connection, after its version was accepted.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_request_offers',
  ],
  'guest-open-offered': [
    'OPENCHANNEL names an offered channel that is neither open nor opening, and a GPADL that was created.',
    'Linux drivers/hv/channel.c, __vmbus_open',
  ],
  'guest-close-open': ['CLOSECHANNEL names an open channel, once.', 'Linux drivers/hv/channel.c, vmbus_close_internal'],
  'guest-gpadl-id': ['A GPADL id is not 0 and not in use.', 'Linux drivers/hv/channel.c, __vmbus_establish_gpadl'],
  'guest-gpadl-whole': [
    'Header and bodies of a GPADL carry as many bytes as the header announced.',
    'Linux drivers/hv/channel.c, create_gpadl_header',
  ],
  'guest-gpadl-teardown': [
    'A teardown names a created GPADL, once, and never the rings of an open channel.',
    'Linux drivers/hv/channel.c, vmbus_teardown_gpadl',
  ],
  'guest-release': [
    'Each rescinded channel is released once, and no other.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_onoffer_rescind',
  ],
  'guest-unload': [
    'A guest that leaves says UNLOAD, and nothing after it but a new contact.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_initiate_unload',
  ],
  'guest-opens': [
    'In an undisturbed life each driver opens a channel that is offered for it.',
    'Linux drivers/hv/vmbus_drv.c, vmbus_probe',
  ],
  'guest-bus-accepted': [
    'The host refuses no message and no packet of the guest, while nothing is taken away.',
    'packages/core: HOST_REJECTS, ChannelFault',
  ],
  'guest-completion-once': [
    'Each packet that asks for a completion gets at most one.',
    'Linux drivers/hv/ring_buffer.c; TLFS',
  ],
})

/** The rules for hosts, towards a correct guest. */
export const HOST_RULES = ruleTable({
  'host-no-throw': ['The host survives every message, signal and timer.', 'CONTRIBUTING: peers are hostile'],
  'host-contact-answered': [
    'Each INITIATE_CONTACT is answered by one VERSION_RESPONSE.',
    'Linux drivers/hv/connection.c, vmbus_negotiate_version',
  ],
  'host-known-message': [
    'Every message is one that the version in force has, sent by a host, and whole.',
    'Linux drivers/hv/channel_mgmt.c, channel_message_table',
  ],
  'host-offer-after-request': [
    'No channel is offered before offers are requested.',
    'OpenVMM vmbus_server/src/channels.rs',
  ],
  'host-offers-end': [
    'ALLOFFERS_DELIVERED follows each request for offers, once.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_onoffers_delivered',
  ],
  'host-relid-unique': ['A relid is not offered again before it was released.', 'OpenVMM vmbus_server/src/channels.rs'],
  'host-children': [
    'A subchannel is offered after its primary and rescinded before it.',
    'OpenVMM vmbus_server/src/channels.rs',
  ],
  'host-open-answered': [
    'Each OPENCHANNEL of an offered channel is answered once, by its open id.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_onopen_result',
  ],
  'host-gpadl-answered': [
    'Each GPADL is answered by one GPADL_CREATED, each teardown by one GPADL_TORNDOWN.',
    'Linux drivers/hv/channel.c, __vmbus_establish_gpadl',
  ],
  'host-rescind-known': [
    'A rescind names a channel that is offered, once.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_onoffer_rescind',
  ],
  'host-unload-answered': [
    'UNLOAD is answered once, from version 1.1 on.',
    'Linux drivers/hv/channel_mgmt.c, vmbus_unload_response',
  ],
  'host-silent-after-unload': [
    'After UNLOAD_RESPONSE the host neither speaks nor writes guest memory until a new contact.',
    'OpenVMM vmbus_server: monitor pages after unload',
  ],
  'host-signal-open': ['Only open channels are signalled.', 'wire/02 §6; OpenVMM vmbus_server/src/channels.rs'],
  'host-bus-accepted': [
    'A correct guest refuses no message and no packet of the host, while nothing is taken away.',
    'packages/core: GUEST_REJECTS, ChannelFault',
  ],
  'host-completion-once': [
    'Each packet that asks for a completion gets at most one.',
    'Linux drivers/hv/ring_buffer.c; TLFS',
  ],
})

/** The rules for both ends of a device. */
export const DEVICE_RULES = ruleTable({
  'device-no-throw': ['Neither end throws, whatever crosses the channel.', 'CONTRIBUTING: peers are hostile'],
  'device-opens': [
    'A correct driver opens what is offered, and the device accepts.',
    'packages/core: HostDevice, GuestDriver',
  ],
  'device-completions': [
    'Each packet that asks for a completion gets one, and only one, while its channel is open.',
    'CONTRIBUTING: every request ends once',
  ],
  'device-rescind': [
    'A rescind at any moment ends the driver, and leaves no page and no timer.',
    'packages/core: PageAllocator, Timers',
  ],
  'device-reopen': [
    'A device that was closed opens again and works as before.',
    'packages/core: HostDevice, GuestDriver',
  ],
  'device-restore': ['Saving and restoring at any moment changes no later byte.', 'CONTRIBUTING: state is a value'],
  'device-state-plain': [
    'A saved state is plain: numbers, text, booleans, null, bytes, and arrays and objects of them.',
    'CONTRIBUTING: state is a value',
  ],
  'device-requests': ['Every request that the exercise starts ends once.', 'CONTRIBUTING: every request ends once'],
  'device-hostile-guest': [
    'The host end survives mutated packets in bounded steps, and writes only what was granted.',
    'CONTRIBUTING: peers are hostile',
  ],
  'device-hostile-host': [
    'The guest end survives mutated packets in bounded steps, and writes only its own pages.',
    'CONTRIBUTING: peers are hostile',
  ],
})

/** The rules for what a partition runs on. */
export const MACHINE_RULES = ruleTable({
  'machine-views': ['Bytes, view and words are one memory of the stated size.', 'packages/hypervisor: GuestMemory'],
  'machine-wrote': [
    'The machine is told of each message and page that the partition writes, and every report lies in RAM.',
    'packages/hypervisor: GuestMemory.wrote',
  ],
  'machine-interrupt': [
    'A message or flag raises its SINT’s vector on its processor once, and a masked SINT none.',
    'TLFS, Synthetic Interrupt Controller',
  ],
  'machine-deterministic': [
    'The same calls give the same memory, interrupts and state.',
    'CONTRIBUTING: pure in the middle',
  ],
  'machine-restore': [
    'Saving and restoring between any two calls changes no later byte.',
    'CONTRIBUTING: state is a value',
  ],
})
