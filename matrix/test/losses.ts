import type { Probe } from '../src/probes/probe.ts'

/** Something that is taken from Debian 12 on Windows Server 2022, on which every probe is green, and what is red then. */
export interface Loss {
  readonly lost: Probe['control']
  /** `probe`, and the field that the probe names as what decided. */
  readonly red: Readonly<Record<string, string>>
}

/** Versions that no host has. */
const STRANGE = { framework: [0x3_0000], message: [0x9_0009] }

/**
 * Typed by hand: which probes are red without a capability, and no others. `the control of …` is what that probe names itself; the
 * runner knows nothing of this table.
 */
export const CONTROLS: Readonly<Record<string, Loss['red']>> = {
  core: { core: 'shutdown' },
  'time-accuracy': { 'time-accuracy': 'timesync' },
  'vcpu-256': { 'vcpu-256': 'vpLimit' },
  'jumbo-frames': { 'jumbo-frames': 'jumbo' },
  'vlan-tagging': { 'vlan-tagging': 'vlan' },
  'live-migration': { core: 'heartbeat', 'live-migration': 'heartbeat' },
  'static-ip-injection': { 'static-ip-injection': 'kvpIp' },
  vrss: { vrss: 'vrss' },
  'tso-checksum': { 'tso-checksum': 'tso' },
  lro: { lro: 'rsc' },
  'sr-iov': { 'sr-iov': 'vf' },
  'vhdx-resize': { 'vhdx-resize': 'capacityChange' },
  // What has a name has a port.
  'virtual-fc': { 'virtual-fc': 'fibreChannel', 'scsi-wwn': 'fibreChannel' },
  'live-backup': { 'live-backup': 'vss' },
  trim: { trim: 'vpd' },
  'scsi-wwn': { 'scsi-wwn': 'wwn' },
  'dm-hot-add': { 'dm-hot-add': 'hotAdd', 'runtime-memory-resize': 'hotAdd' },
  'dm-ballooning': { 'dm-hot-add': 'balloon', 'dm-ballooning': 'balloon', 'runtime-memory-resize': 'balloon' },
  'runtime-memory-resize': { 'runtime-memory-resize': 'balloon' },
  kvp: { 'static-ip-injection': 'kvp', kvp: 'kvp' },
  'file-copy': { 'file-copy': 'fcopy' },
  lsvmbus: { lsvmbus: 'lsvmbus' },
}

export const LOSSES: Readonly<Record<string, Loss>> = {
  'a version of the bus that the host has': {
    lost: { vmbus: [0x6_0000] },
    red: {
      core: 'vmbus',
      'time-accuracy': 'vmbus',
      'vcpu-256': 'vmbus',
      'jumbo-frames': 'vmbus',
      'vlan-tagging': 'vmbus',
      'live-migration': 'vmbus',
      'static-ip-injection': 'vmbus',
      vrss: 'vmbus',
      'tso-checksum': 'vmbus',
      lro: 'vmbus',
      'sr-iov': 'vmbus',
      'vhdx-resize': 'vmbus',
      'virtual-fc': 'vmbus',
      'live-backup': 'vmbus',
      trim: 'vmbus',
      'scsi-wwn': 'vmbus',
      'dm-hot-add': 'vmbus',
      'dm-ballooning': 'vmbus',
      'runtime-memory-resize': 'vmbus',
      kvp: 'vmbus',
      'file-copy': 'vmbus',
      lsvmbus: 'vmbus',
    },
  },
  'any version of the network': {
    lost: { netvsc: [0x9_9999] },
    red: {
      core: 'netvsc',
      'jumbo-frames': 'netvsc',
      'vlan-tagging': 'netvsc',
      'live-migration': 'netvsc',
      'static-ip-injection': 'netvsc',
      vrss: 'netvsc',
      'tso-checksum': 'netvsc',
      lro: 'netvsc',
      'sr-iov': 'netvsc',
    },
  },
  // NDIS_CONFIG is of version 2, messages of virtual functions of 4, sub-channels of 5, joined segments of 6.1.
  'versions of the network above 1': {
    lost: { netvsc: [0x2] },
    red: { 'jumbo-frames': 'netvsc', vrss: 'netvsc', lro: 'netvsc', 'sr-iov': 'netvsc' },
  },
  'versions of the network above 5': {
    lost: { netvsc: [0x5_0000, 0x4_0000, 0x3_0002, 0x2] },
    red: { lro: 'netvsc' },
  },
  'any version of storage': {
    lost: { storvsc: [0x9999] },
    red: {
      core: 'storvsc',
      'live-migration': 'storvsc',
      'vhdx-resize': 'storvsc',
      'virtual-fc': 'storvsc',
      'live-backup': 'storvsc',
      trim: 'storvsc',
      'scsi-wwn': 'storvsc',
    },
  },
  'time synchronisation': { lost: { timesync: STRANGE }, red: { core: 'timesync', 'time-accuracy': 'timesync' } },
  'checksums by the adapter': { lost: { checksum: false }, red: { 'tso-checksum': 'checksum' } },
  'a kernel that can add memory': {
    lost: { memoryHotplug: false },
    red: { 'dm-hot-add': 'memoryHotplug', 'runtime-memory-resize': 'memoryHotplug' },
  },
  'the driver of file copy, or its daemon': { lost: { fcopyBy: 'none' }, red: { 'file-copy': 'fcopy' } },
  // What no row of the pages speaks of touches none.
  'UNLOAD, channels that move, channels of storage, and units that come later': {
    lost: { unload: false, modifyChannel: false, storageChannels: false, hotLun: false },
    red: {},
  },
}
