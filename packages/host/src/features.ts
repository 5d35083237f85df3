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
const needs = (version: string): Pick<FeatureFact, 'configurationVersion'> => ({
  configurationVersion: { value: version, basis: 'grid', source: Source.configuration },
})

/** Devices without versions in a profile, and what hosts do with those that have them. */
export const HOST_FEATURES = {
  mouse: feature('synthetic mouse', 'inferred', 'ws2008', Source.communityDevices),
  video: feature('synthetic video', 'inferred', 'ws2008', Source.communityDevices),
  keyboard: feature('synthetic keyboard', 'inferred', 'ws2012', Source.communityDevices),
  'fibre-channel': feature('Fibre Channel', 'inferred', 'ws2012', Source.communityDevices),
  'generation-2': feature('generation 2', 'grid', 'ws2012r2', Source.generations),
  'static-ip-injection': feature('static IP injection', 'grid', 'ws2012', Source.grid),
  'memory-hot-add': feature('hot add by dynamic memory', 'grid', 'ws2012', Source.grid),
  vrss: feature('virtual receive side scaling', 'grid', 'ws2012r2', Source.grid),
  'live-backup': feature('live backup', 'grid', 'ws2012r2', Source.grid),
  'vhdx-resize': feature('VHDX resize', 'grid', 'ws2012r2', Source.grid),
  trim: feature('TRIM', 'grid', 'ws2012r2', Source.grid),
  'scsi-wwn': feature('world wide names of SCSI disks', 'grid', 'ws2012r2', Source.grid),
  nmi: feature('a non-maskable interrupt', 'grid', 'ws2012r2', Source.grid),
  'time-accuracy': feature('accurate time', 'grid', 'ws2016', Source.grid),
  'sr-iov': feature('SR-IOV for Linux and FreeBSD', 'grid', 'ws2016', Source.grid),
  'runtime-memory-resize': {
    ...feature('memory resize at run time', 'grid', 'ws2016', Source.grid),
    ...needs('6.2'),
  },
  'hyperv-sockets': feature('Hyper-V sockets', 'grid', 'ws2016', Source.grid),
  'pci-passthrough': feature('PCI pass-through', 'grid', 'ws2016', Source.grid),
  'secure-boot-linux': {
    ...feature('secure boot of Linux', 'grid', 'ws2016', Source.grid),
    ...needs('6.2'),
    generation: 2,
  },
  'receive-segment-coalescing': feature('receive segment coalescing', 'inferred', 'ws2019', Source.netvsc),
  hibernation: {
    ...feature('hibernation', 'inferred', 'ws2019', `9.0 begins here: ${Source.configuration}`),
    ...needs('9.0'),
  },
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
