import * as protocol from '@vmbus/netvsc/protocol'
import type { LayoutInfo } from '@vmbus/layout'
import { byName } from './by-name.ts'
import type { Entries } from './entry.ts'

/** A layout carries the reference's name. */
const isLayout = (value: unknown): value is LayoutInfo =>
  typeof value === 'object' && value !== null && 'fields' in value && 'name' in value

export const entries: Entries = {
  ...byName(...Object.values<unknown>({ ...protocol }).filter(isLayout)),
  rndis_per_packet_info: {
    layout: protocol.perPacketInfo,
    rename: { 'type.type': 'type', 'type.internal': 'internal' },
  },
  nvsp_6_pd_buf: {
    layout: protocol.packetDirectBuffer,
    rename: { 'is_partial.is_partial': 'is_partial', 'is_partial.reserved': 'reserved' },
  },
  nvsp_6_pd_batch_msg: {
    layout: protocol.packetDirectBatch,
    rename: {
      'guest2host.guest2host': 'guest2host',
      'guest2host.is_recv': 'is_recv',
      'guest2host.reserved': 'reserved',
    },
  },
  nvsp_2_vsc_capability: {
    layout: protocol.capability,
    rename: Object.fromEntries(
      ['vmq', 'chimney', 'sriov', 'ieee8021q', 'correlation_id', 'teaming', 'vsubnetid', 'rsc'].map((bit) => [
        `bits.${bit}`,
        bit,
      ]),
    ),
  },
  ndis_pkt_8021q_info: {
    layout: protocol.vlanInfo,
    rename: Object.fromEntries(['pri', 'cfi', 'vlanid', 'reserved'].map((bit) => [`bits.${bit}`, bit])),
  },
  // OpenVMM's struct goes on with VXLAN, and is sent as 156 bytes.
  'openvmm:net.netvsp.rndisprot::NdisOffload': { disagrees: 'wire/04 §4' },
  'openvmm:net.netvsp.rndisprot::NdisOffloadParameters': { layout: protocol.offloadParametersV1 },
}
