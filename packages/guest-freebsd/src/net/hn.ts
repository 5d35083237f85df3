import { Filter } from '@vmbus/netvsc/protocol'
import type { InterfaceSystem } from '@vmbus/netvsc/stack'
import type { Capabilities } from '../capabilities.ts'
import { FreebsdNetError, type NetInterfaces } from './interfaces.ts'

/** Frames that wait for room in a ring (if_hn.c keeps them in the interface's send queue, net.link.ifqmaxlen). */
const MOST_WAITING = 50
/** sys/net/if.h, IF_MINMTU. */
const LEAST_MTU = 72

const VF = { none: 'none', note: 'messages', transparent: 'transparent' } as const

/** What hn and the network stack do with an adapter. */
export const hnSystem = ({ mtuMax, rss, vf, lro }: Capabilities, table: NetInterfaces): InterfaceSystem => ({
  kind: 'freebsd-hn',
  label: 'interface',
  table,
  startsUp: false,
  // if_hn.c, hn_set_rxfilter.
  filter: Filter.directed | Filter.broadcast | Filter.allMulticast,
  mostWaiting: MOST_WAITING,
  echoMayFragment: false,
  vlans: true,
  // IFCAP_VLAN_HWTAGGING, in every release with hn.
  tagsBeside: true,
  scales: rss,
  joinsUpTo: lro,
  mtuRange: () => [LEAST_MTU, mtuMax],
  vf: VF[vf],
  refuse: (what) => new FreebsdNetError(what),
})
