import { Version, type GuestDriverDeps, type GuestDriverSpec, type VmbusVersion, type GuestServices } from '@vmbus/core'
import { heartbeat } from '@vmbus/heartbeat'
import { kvp } from '@vmbus/kvp'
import { netvsc, type NetvscGuestOptions } from '@vmbus/netvsc'
import { shutdown } from '@vmbus/shutdown'
import { storvsc, type StorvscGuestOptions } from '@vmbus/storvsc'
import { FC_INTERFACE, VstorVersion } from '@vmbus/storvsc/protocol'
import { timesync } from '@vmbus/timesync'
import { vss } from '@vmbus/vss'
import { TICKS_PER_SECOND } from '@vmbus/world'
import type { Capabilities } from './capabilities.ts'
import { networkDriver } from '@vmbus/netvsc/stack'
import { hnSystem } from './net/hn.ts'
import { clockRule, type ClockTunables } from './services/clock.ts'
import { kvpDriver } from './services/kvp.ts'
import { framing } from './services/negotiation.ts'
import { vssDriver } from './services/vss.ts'
import { storage } from './storage/da.ts'
import { Errno } from './system/device-node.ts'
import type { FreebsdSystem } from './system/system.ts'

/** FreeBSD's id of the send buffer, and the transfer size of its INITIALIZE (if_hnreg.h, HN_NVS_CHIM_SIG and HN_RNDIS_XFER_SIZE). */
const SEND_BUFFER_ID = 0xface
const MAX_TRANSFER = 2048
const NDIS_5_1 = { major: 5, minor: 1 }

const netOptions = (capabilities: Capabilities, vps: number): NetvscGuestOptions => ({
  versions: capabilities.netvsc,
  channels: Math.min(capabilities.netChannels, vps),
  ringPages: capabilities.netRingPages,
  receiveBufferBytes: capabilities.receiveBufferBytes,
  sendBufferBytes: capabilities.sendBufferBytes,
  checksum: capabilities.checksum,
  headerChecksum: capabilities.lro !== undefined,
  lso: capabilities.tso,
  rsc: capabilities.rsc !== 'none',
  coalesces: capabilities.rsc === 'on',
  sriov: capabilities.vf !== 'none',
  teaming: false,
  sendBufferId: SEND_BUFFER_ID,
  maxTransfer: MAX_TRANSFER,
  pageRanges: true,
  ...(capabilities.ndis === '5.1' ? { ndis: NDIS_5_1 } : {}),
})

/** Packets are those of Windows 7 until a version is agreed on (hv_storvsc_drv_freebsd.c, vmscsi_size_delta). */
const FIRST_PACKET_BYTES = 48
const SETUP_SECONDS = 5

function storageOptions(capabilities: Capabilities, bus: VmbusVersion): StorvscGuestOptions {
  const { storvsc: versions, storvscChoice, storvscSubchannels, storvscRingPages, storvscDepth } = capabilities
  const isNew = bus >= Version.v2_4
  const [chosen] = versions.filter((version) => isNew || version < VstorVersion.v5_1)
  return {
    versions: storvscChoice === 'walk' || chosen === undefined ? versions : [chosen],
    ...(storvscSubchannels && isNew ? {} : { subchannels: 0 }),
    behaviour: {
      ringPages: storvscRingPages,
      depth: storvscDepth,
      firstPacketBytes: FIRST_PACKET_BYTES,
      setupTimeout: SETUP_SECONDS * TICKS_PER_SECOND,
      // A full ring freezes CAM's queue until a request ends.
      asksForRoom: false,
    },
  }
}

const specOf = <K extends string>(
  { kind, interfaceIds }: { readonly kind: K; readonly interfaceIds: readonly string[] },
  create: (deps: GuestDriverDeps) => ReturnType<GuestDriverSpec['create']>,
): GuestDriverSpec => ({ kind, interfaceIds, create })

/** Fibre Channel is none of its (hv_storvsc_drv_freebsd.c, storvsc_get_storage_type). */
const SCSI_AND_IDE = { kind: storvsc.kind, interfaceIds: storvsc.interfaceIds.filter((id) => id !== FC_INTERFACE) }

/** The drivers of a release, in the order of their modules. */
export function freebsdDrivers(
  capabilities: Capabilities,
  system: FreebsdSystem,
  { clock, act }: Pick<GuestServices, 'clock' | 'act'>,
  tunables: ClockTunables,
): readonly GuestDriverSpec[] {
  const { kvp: kvpVersions, vss: vssVersions, kvpFourFrom, kvpSeconds, hotLun, unmap } = capabilities
  const { net, units, daemons } = system
  return [
    specOf(SCSI_AND_IDE, (deps) =>
      storage({ driver: storageOptions(capabilities, deps.version()), units, hotLun, unmap }, deps),
    ),
    specOf(netvsc, (deps) => networkDriver(netOptions(capabilities, deps.vps), hnSystem(capabilities, net), deps)),
    // Flags 0 and 1 only (sys/dev/hyperv/utilities/vmbus_shutdown.c).
    shutdown.driver({
      ...framing(capabilities, capabilities.shutdown),
      malformed: 'ignore',
      act: (action, forced) => act(action, forced),
      supports: ['power-off'],
    }),
    timesync.driver({
      ...framing(capabilities, capabilities.timesync),
      malformed: 'ignore',
      status: 'echo',
      clock,
      // However old a sample is, what passed since it was sent is added.
      staleSeconds: Infinity,
      steps: clockRule(capabilities, tunables),
    }),
    heartbeat.driver({ ...framing(capabilities, capabilities.heartbeat), malformed: 'ignore', status: 'echo' }),
    ...(kvpVersions === undefined
      ? []
      : [
          specOf(kvp, (deps) =>
            kvpDriver(
              {
                framing: framing(capabilities, kvpVersions, { fourFrom: kvpFourFrom, loops: true }),
                node: daemons.kvp.node,
                seconds: kvpSeconds,
                interfaceOf: (adapterId) => net.nameOf(adapterId),
              },
              deps,
            ),
          ),
        ]),
    ...(vssVersions === undefined
      ? []
      : [
          specOf(vss, (deps) =>
            vssDriver(
              {
                framing: framing(capabilities, vssVersions, { loops: true, unmatched: Errno.notSupported }),
                fs: daemons.vss.node,
                app: daemons.app,
              },
              deps,
            ),
          ),
        ]),
  ]
}
