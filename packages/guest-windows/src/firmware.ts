import { Version, type GuestBehaviour, type GuestDriverSpec, type VmbusVersion } from '@vmbus/core'
import { netvsc } from '@vmbus/netvsc'
import { NvspVersion } from '@vmbus/netvsc/protocol'
import { storvsc } from '@vmbus/storvsc'
import { VstorVersion } from '@vmbus/storvsc/protocol'
import { TICKS_PER_SECOND, valuesOf, type Evidenced, type Field } from '@vmbus/world'

/** What the firmware of a generation 2 virtual machine speaks and takes. */
export interface FirmwareCapabilities {
  /** In turn, nothing between. */
  readonly vmbus: readonly VmbusVersion[]
  readonly netvsc: readonly number[]
  readonly storvsc: readonly number[]
  /** Pages of each ring. */
  readonly netvscRingPages: number
  readonly storvscRingPages: number
  readonly mtu: number
  readonly receiveBufferBytes: number
  readonly sendBufferBytes: number
  /** Newest of devices that nothing here drives. */
  readonly keyboard: string
  readonly video: string
  readonly vpci: string
}

const read = <T>(value: T): Field<T> => ({ value, basis: 'source-read', source: 'microsoft/mu_msvm@9feb53ed' })

/** 128 frames of 1514 bytes: 48 pages, and as many in each ring. */
const FRAMES_BYTES = 128 * 1514

export const GEN2_FIRMWARE: Evidenced<FirmwareCapabilities> = {
  vmbus: read([Version.v6_0, Version.v3_0]),
  netvsc: read([NvspVersion.v5]),
  storvsc: read([VstorVersion.v6_0]),
  netvscRingPages: read(48),
  storvscRingPages: read(10),
  mtu: read(1514),
  receiveBufferBytes: read(FRAMES_BYTES),
  sendBufferBytes: read(FRAMES_BYTES),
  keyboard: read('1.0'),
  video: read('3.5'),
  vpci: read('1.2'),
}

/** A guest that comes before the operating system, works, and leaves the bus to it. */
export interface WindowsFirmware {
  readonly name: string
  readonly versions: readonly VmbusVersion[]
  readonly behaviour: Partial<GuestBehaviour>
  /** 100 ns units from power-on until it leaves. */
  readonly stays: number
  drivers(): readonly GuestDriverSpec[]
}

/** Vendor Microsoft (1), no operating system of its own (TLFS, guest OS identity); inferred. */
const OS_ID = 1n << 48n

/** A model, not measured: time for a boot loader. */
const STAYS = 2 * TICKS_PER_SECOND

export function gen2Firmware(): WindowsFirmware {
  const own = valuesOf(GEN2_FIRMWARE)
  return {
    name: 'uefi',
    versions: own.vmbus,
    behaviour: { osId: OS_ID },
    stays: STAYS,
    drivers: () => [
      netvsc.driver({
        versions: own.netvsc,
        channels: 1,
        ringPages: own.netvscRingPages,
        // An Ethernet header is in its count.
        mtu: own.mtu - 14,
        receiveBufferBytes: own.receiveBufferBytes,
        sendBufferBytes: own.sendBufferBytes,
        sriov: false,
        rsc: false,
      }),
      storvsc.driver({
        versions: own.storvsc,
        subchannels: 0,
        behaviour: { ringPages: own.storvscRingPages },
      }),
    ],
  }
}
