const NVSP = 'wire/04 §1; Linux drivers/net/hyperv/netvsc.c'
const RNDIS = 'wire/04 §4; Linux drivers/net/hyperv/rndis_filter.c'

/** What a driver of an adapter owes its host. */
export const NETVSC_GUEST = {
  'guest-netvsc-message': ['Messages are those of a guest, and whole.', NVSP],
  'guest-netvsc-size': ['A request has 32 bytes or more.', 'wire/04 §1: hosts never answer shorter ones'],
  'guest-netvsc-init-first': ['The first message that succeeds is INIT.', 'wire/04 §2'],
  'guest-netvsc-init': ['Versions are asked for from the newest down, until one is accepted.', 'wire/04 §1, §2'],
  'guest-netvsc-known': ['Messages are those of the version in force.', NVSP],
  'guest-netvsc-wants': ['INIT, buffers, packets and subchannels want their completion.', 'wire/04 §1'],
  'guest-netvsc-primary': ['On a subchannel there are RNDIS packets only.', 'wire/04 §7'],
  'guest-netvsc-ndis': ['The NDIS version is told once: 6.30 from NVSP 5 on, 6.1 before.', 'wire/04 §2'],
  'guest-netvsc-config': [
    'The configuration is told once, with frames of 82 bytes or more and the capabilities of the version.',
    'wire/04 §2',
  ],
  'guest-netvsc-receive-buffer': [
    'A receive buffer is granted, 31 MiB at most (15 below NVSP 4), once, behind the configuration.',
    'wire/04 §2',
  ],
  'guest-netvsc-send-buffer': ['A send buffer is granted, 15 MiB at most, once.', 'wire/04 §2'],
  'guest-netvsc-subchannels': ['Subchannels are asked for once, 1 to 63.', 'wire/04 §7'],
  'guest-netvsc-rndis': ['An RNDIS packet is data or control.', 'wire/04 §1'],
  'guest-netvsc-section': [
    'A section is one of the send buffer, filled no more than it holds, and not in use; without one there are ranges.',
    'wire/04 §3',
  ],
  'guest-netvsc-ranges': ['A packet has at most 32 ranges.', 'wire/04 §3'],
  'guest-netvsc-control-pages': ['Control messages are in ranges, not in a section.', 'wire/04 §3'],
  'guest-netvsc-control': ['Control messages are those of a guest, and whole.', RNDIS],
  'guest-netvsc-initialize': ['RNDIS 1.0 is initialised once, behind the receive buffer.', RNDIS],
  'guest-netvsc-initialized': ['Everything else follows the answer to INITIALIZE.', RNDIS],
  'guest-netvsc-information': ['Information of a request is behind its 20 bytes and in the message.', RNDIS],
  'guest-netvsc-filter': ['A packet filter has 4 bytes, of bits that there are.', 'wire/04 §4'],
  'guest-netvsc-packets': ['Data is RNDIS packets, one behind the other, to the last byte.', 'wire/04 §3'],
  'guest-netvsc-frame': ['A frame lies in its packet, and has an Ethernet header.', 'wire/04 §4'],
  'guest-netvsc-mtu': [
    'A frame is no longer than the configuration says, but for a tag and large sends.',
    'wire/04 §2',
  ],
  'guest-netvsc-infos': ['Per-packet information is a chain of whole elements.', 'wire/04 §4'],
  'guest-netvsc-returns': ['What the host sends comes back within 10 s.', 'wire/04 §3'],
  'guest-netvsc-completion': ['It comes back as SEND_RNDIS_PKT_COMPLETE with a status.', 'wire/04 §3'],
  'guest-netvsc-taken': ['What the host sends is taken.', 'wire/04 §3'],
  'guest-netvsc-data-path': ['The data path is synthetic, or that of a VF that is there.', 'wire/04 §5'],
  'guest-netvsc-revoke': ['A buffer that is revoked is one that was granted.', 'wire/04 §8'],
  'guest-netvsc-revoked': ['Behind the first revoke comes nothing but the other.', 'wire/04 §8'],
} as const

/** What an adapter owes a correct driver. */
export const NETVSC_HOST = {
  'host-netvsc-completes': ['Each message that wants a completion has it within 10 s.', 'wire/04 §1'],
  'host-netvsc-completion': ['A completion is that of its message; others have no body.', 'wire/04 §1'],
  'host-netvsc-size': [
    'A completion is as long as Linux needs it: 28 bytes for INIT and receive buffer.',
    'wire/04 §1',
  ],
  'host-netvsc-init': ['INIT is completed with a status that there is.', 'wire/04 §1'],
  'host-netvsc-receive-buffer': [
    'A receive buffer is taken, as one run of sections from 0 on, 68 bytes or longer, within the buffer.',
    'wire/04 §2',
  ],
  'host-netvsc-send-buffer': ['A send buffer is taken, in sections of 68 bytes or more.', 'wire/04 §2'],
  'host-netvsc-sent': ['A packet is completed with a status that there is.', 'wire/04 §1'],
  'host-netvsc-subchannels': [
    'No more subchannels are granted than were asked for, and as many offered within 10 s.',
    'wire/04 §7',
  ],
  'host-netvsc-message': ['Messages in-band are those of a host, and whole.', 'wire/04 §1'],
  'host-netvsc-vf': ['A VF is told to a guest that asked for it.', 'wire/04 §5'],
  'host-netvsc-table': ['A send table has 16 entries in its message, of channels that there are.', 'wire/04 §6'],
  'host-netvsc-transfer': [
    'A packet names the receive buffer, wants its completion, and has 1 to 375 ranges (64 below NDIS 6).',
    'wire/04 §3',
  ],
  'host-netvsc-ranges': ['A range is in one section, and in the buffer.', 'wire/04 §3'],
  'host-netvsc-lent': ['A section that is with the guest is not filled again.', 'wire/04 §3'],
  'host-netvsc-rndis': ['A range holds one whole RNDIS message of a host, control or data as said.', 'wire/04 §3, §4'],
  'host-netvsc-answers': ['Each control message is answered within 10 s.', RNDIS],
  'host-netvsc-answer-id': ['An answer has id and type of a request that waits.', RNDIS],
  'host-netvsc-initialize': ['RNDIS 1.0 of Ethernet is initialised, for one packet in a message or more.', RNDIS],
  'host-netvsc-information': ['Information is in the answer, and there is none in a failure.', RNDIS],
  'host-netvsc-oid': ['An answer has the length that Linux takes, and a sound value.', 'wire/04 §4'],
  'host-netvsc-early': ['Nothing is indicated before the answer to INITIALIZE.', RNDIS],
  'host-netvsc-indicate': ['Indications are such as there are, and whole.', 'wire/04 §4'],
  'host-netvsc-filter': ['No frame comes while the filter is 0.', 'wire/04 §4'],
  'host-netvsc-frame': ['A frame lies in its packet, and has an Ethernet header.', 'wire/04 §4'],
  'host-netvsc-infos': [
    'Per-packet information is a chain of whole elements.',
    'wire/04 §4: Linux loops for ever on others',
  ],
} as const
