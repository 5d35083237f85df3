import { Filter, NvspVersion } from '@vmbus/netvsc/protocol'
import type { InterfaceSystem, InterfaceTable } from '@vmbus/netvsc/stack'
import type { Capabilities } from '../vectors/field.ts'
import { LinuxNetError } from './errors.ts'

/** Packets that wait for room in the ring (net/ethernet/eth.c, ether_setup: DEFAULT_TX_QUEUE_LEN). */
const MOST_WAITING = 1000
const LEAST_MTU = 68
/** hyperv_net.h, NETVSC_MTU (65535), less an Ethernet header. */
const LARGEST_MTU = 65_521
const ETHERNET_MTU = 1500

/** What a kernel with these drivers does with its interfaces. */
export const linuxNet = (
  { vlan, jumbo, vrss, vf }: Pick<Capabilities, 'vlan' | 'jumbo' | 'vrss' | 'vf'>,
  table: InterfaceTable,
): InterfaceSystem => ({
  kind: 'linux-ethernet',
  label: 'interface',
  table,
  startsUp: false,
  // drivers/net/hyperv/rndis_filter.c, rndis_set_multicast.
  filter: Filter.directed | Filter.allMulticast | Filter.broadcast,
  mostWaiting: MOST_WAITING,
  echoMayFragment: true,
  // The kernel has VLANs whatever its drivers can (net/8021q).
  vlans: true,
  tagsBeside: vlan,
  scales: vrss,
  // drivers/net/hyperv/netvsc_drv.c, netvsc_change_mtu: large packets need the MTU of NDIS_CONFIG, which is NVSP 2's.
  mtuRange: (nvsp) => [LEAST_MTU, jumbo && nvsp >= NvspVersion.v2 ? LARGEST_MTU : ETHERNET_MTU],
  vf,
  refuse: (what) => new LinuxNetError(what),
})
