import type { Field } from '@vmbus/world'
import type { Generation } from './profile.ts'
import { Source } from './sources.ts'

/** The first host of something that a profile has no versions of, and what of the virtual machine it needs. */
export interface FeatureFact {
  readonly label: string
  /** Id of the oldest host that has it. */
  readonly first: Field<string>
  /** The one generation that has it. */
  readonly generation?: Generation
  /** The oldest configuration version that has it. */
  readonly configurationVersion?: Field<string>
}

const feature = (label: string, basis: Field<string>['basis'], first: string, source: string): FeatureFact => ({
  label,
  first: { value: first, basis, source },
})
const needs = (version: string, fact: FeatureFact): FeatureFact => ({
  ...fact,
  configurationVersion: { value: version, basis: 'source-read', source: Source.configuration },
})

/** Devices without versions in a profile, and what hosts do with those that have them. */
export const HOST_FEATURES = {
  mouse: feature('synthetic mouse', 'inferred', 'ws2008', Source.communityDevices),
  video: feature('synthetic video', 'inferred', 'ws2008', Source.communityDevices),
  keyboard: feature('synthetic keyboard', 'inferred', 'ws2012', Source.communityDevices),
  'fibre-channel': feature('Fibre Channel', 'inferred', 'ws2012', Source.communityDevices),
  'generation-2': feature('generation 2', 'source-read', 'ws2012r2', Source.generations),
  'static-ip-injection': feature('static IP injection', 'source-read', 'ws2012', Source.guestNetwork),
  'memory-hot-add': feature('hot add by dynamic memory', 'source-read', 'ws2008r2', Source.hotAdd),
  vrss: feature('virtual receive side scaling', 'inferred', 'ws2012r2', Source.subChannels),
  'live-backup': feature('live backup', 'source-read', 'ws2012r2', Source.liveBackup),
  'vhdx-resize': feature('VHDX resize', 'source-read', 'ws2012r2', Source.onlineResize),
  trim: feature('TRIM', 'source-read', 'ws2012', Source.unmap),
  'scsi-wwn': feature('world wide names of SCSI disks', 'inferred', 'ws2012', Source.portNames),
  nmi: feature('a non-maskable interrupt', 'grid', 'ws2012r2', Source.grid),
  'time-accuracy': feature('accurate time', 'source-read', 'ws2016', Source.component),
  'sr-iov': feature('SR-IOV for Linux and FreeBSD', 'grid', 'ws2016', Source.grid),
  'runtime-memory-resize': needs('6.2', feature('memory resize at run time', 'source-read', 'ws2016', Source.new2016)),
  'hyperv-sockets': feature('Hyper-V sockets', 'grid', 'ws2016', Source.grid),
  'pci-passthrough': feature('PCI pass-through', 'source-read', 'ws2016', Source.new2016),
  'secure-boot-linux': {
    ...needs('6.2', feature('secure boot of Linux', 'source-read', 'ws2016', Source.new2016)),
    generation: 2,
  },
  'receive-segment-coalescing': feature('receive segment coalescing', 'source-read', 'ws2019', Source.coalescing),
  hibernation: needs('9.0', feature('hibernation', 'inferred', 'ws2019', `9.0 begins here: ${Source.configuration}`)),
} as const satisfies Readonly<Record<string, FeatureFact>>

export type HostFeature = keyof typeof HOST_FEATURES

/** What a generation 2 machine has no emulation of. */
export const EMULATED = {
  ide: 'IDE controller',
  'legacy-adapter': 'emulated network adapter',
  floppy: 'floppy drive',
  'ps2-keyboard': 'PS/2 keyboard',
  bios: 'BIOS',
} as const satisfies Readonly<Record<string, string>>

export type EmulatedDevice = keyof typeof EMULATED
