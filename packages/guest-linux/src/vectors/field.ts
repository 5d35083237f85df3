import type { IcVersions } from '@vmbus/ic'
import type { Evidenced } from '@vmbus/world'

/** What the integration services of one driver generation speak and have. Versions stand in the order in which a driver tries them. */
export interface Capabilities {
  readonly vmbus: readonly number[]
  /** Says UNLOAD when it leaves (drivers/hv/channel_mgmt.c, vmbus_initiate_unload). */
  readonly unload: boolean
  /** Moves a channel's interrupts to another processor with MODIFYCHANNEL, from VMBus 4.1 on. */
  readonly modifyChannel: boolean
  /** Processors that can take interrupts, so no more are used; undefined: no limit of its own (drivers/iommu/hyperv-iommu.c). */
  readonly vpLimit: number | undefined
  readonly heartbeat: IcVersions
  readonly timesync: IcVersions
  readonly ptpClock: boolean
  readonly shutdown: IcVersions
  readonly kvp: IcVersions | undefined
  /** Takes IP settings from the host, and answers with its own. */
  readonly kvpIp: boolean
  /** The scripts by which the daemon sets an interface are installed (tools/hv/hv_set_ifconfig.sh). */
  readonly ipScripts: boolean
  readonly vss: IcVersions | undefined
  readonly fcopy: IcVersions | undefined
  /** Who serves file copy: drivers/hv/hv_fcopy.c, or tools/hv/hv_fcopy_uio_daemon.c alone. */
  readonly fcopyBy: 'none' | 'kernel' | 'uio-daemon'
  /** NVSP words. */
  readonly netvsc: readonly number[]
  /** More than one channel for a network adapter. */
  readonly vrss: boolean
  readonly tso: boolean
  readonly checksum: boolean
  /** Takes received segments that the host has joined. */
  readonly rsc: boolean
  readonly vlan: boolean
  /** Frames above 1514 bytes. */
  readonly jumbo: boolean
  /** Virtual functions: none, their messages alone (a bond joins the two), or the interface goes over to the function by itself. */
  readonly vf: 'none' | 'messages' | 'transparent'
  /** Where an RNDIS request begins in its page on 32-bit x86 (drivers/net/hyperv/rndis_filter.c, struct rndis_request). */
  readonly rndisRequestAt: number
  /** VSTOR words. */
  readonly storvsc: readonly number[]
  /** More than one channel for a storage controller. */
  readonly storageChannels: boolean
  readonly fibreChannel: boolean
  /** The names of a Fibre Channel port are shown (fc_host attributes). */
  readonly wwn: boolean
  /** SPC-3 is taken for granted and VPD pages are asked for, which UNMAP needs. */
  readonly vpd: boolean
  /** The bus is looked at again where the host says that its units changed (drivers/scsi/storvsc_drv.c, storvsc_bus_scan). */
  readonly hotLun: boolean
  /** A unit is looked at again that says that its capacity changed (2Ah/09h; drivers/scsi/storvsc_drv.c, storvsc_handle_error). */
  readonly capacityChange: boolean
  /** The length of a SCSI unit's page is asked for before the page (drivers/scsi/scsi.c, scsi_get_vpd_size). */
  readonly sizedPages: boolean
  /** Dynamic memory words. */
  readonly balloon: readonly number[] | undefined
  /** The balloon driver takes memory in (drivers/hv/hv_balloon.c, hot_add_req). */
  readonly hotAdd: boolean
  /** The rest of a 64-bit kernel can (CONFIG_MEMORY_HOTPLUG). */
  readonly memoryHotplug: boolean
  /** What is given up at the floor is cut to whole 2 MiB (drivers/hv/hv_balloon.c, balloon_up before 5.6). */
  readonly balloonWholeChunks: boolean
  /** What is given up leaves MemTotal, too. */
  readonly balloonLeavesTotal: boolean
  /**
   * Drivers of devices that these packages do not have: sockets, PCI, keyboard, mouse, and the screen (hyperv_fb alone, or
   * hyperv_drm as well, which takes it). They take what is offered of their class, as `driver` in sysfs shows, and open nothing.
   */
  readonly hvsock: boolean
  readonly vpci: boolean
  readonly keyboard: boolean
  readonly mouse: boolean
  readonly video: 'none' | 'fb' | 'drm'
  readonly lsvmbus: boolean
  /** HV_DRV_VERSION, which IntegrationServicesVersion shows. */
  readonly moduleVersion: string
  /** Modules show it, too (MODULE_VERSION): in `modinfo` and as /sys/module/NAME/version. */
  readonly modulesSayVersion: boolean
}

/** A generation of drivers: each value with how it is known. */
export type Vector = Evidenced<Capabilities>
export type FieldName = keyof Capabilities

/** Fields that no reading of a vendor's tree covers: they lie outside drivers/hv, or were not looked for there. */
export const UNREAD: ReadonlySet<FieldName> = new Set<FieldName>([
  'rndisRequestAt',
  'sizedPages',
  'memoryHotplug',
  'balloonWholeChunks',
  'moduleVersion',
  'modulesSayVersion',
])
