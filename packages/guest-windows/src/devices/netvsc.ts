import { Filter } from '@vmbus/netvsc/protocol'
import type { InterfaceSystem, InterfaceTable } from '@vmbus/netvsc/stack'
import { WindowsError } from '../errors.ts'
import type { WindowsCapabilities } from '../releases/types.ts'

/** Frames that wait for room in the ring; a model. */
const MOST_WAITING = 512

/** What netvsc.sys and the network stack do with an adapter. */
export const netvscSystem = (
  { rss, vf }: Pick<WindowsCapabilities, 'rss' | 'vf'>,
  table: InterfaceTable,
): InterfaceSystem => ({
  kind: 'windows-netvsc',
  label: 'adapter',
  table,
  startsUp: true,
  filter: Filter.directed | Filter.allMulticast | Filter.broadcast,
  mostWaiting: MOST_WAITING,
  echoMayFragment: true,
  vlans: false,
  tagsBeside: true,
  scales: rss,
  // The driver looks at it.
  mtuRange: () => [-Infinity, Infinity],
  vf,
  refuse: (what) => new WindowsError('VMBUS_WINDOWS_NET', what),
})
