import type { OfferParameters } from '@vmbus/core'
import {
  bytes,
  callable,
  checkOptions,
  integer,
  list,
  object,
  oneOf,
  optional,
  text,
  textLike,
  type Given,
} from '@vmbus/world'
import { StorvscError } from '../errors.ts'
import {
  IDE_INTERFACE,
  INTERFACE_OF,
  OFFER_IDE_DEVICE,
  VSTOR_VERSIONS,
  ideAddress,
  ideInstanceId,
  offerProperties,
  type ControllerKind,
} from '../protocol/index.ts'
import type { LunAddress } from './address.ts'
import { lunOptions, type LunOptions } from './lun-options.ts'
import type { FcNames } from './setup.ts'

/** What a host version speaks. */
export interface StorvscSettings {
  readonly versions: readonly number[]
}

export interface StorvscHostOptions {
  /** Disks and drives; plain disks get the LUNs 0, 1, … of path 0, target 0. */
  readonly luns: readonly LunOptions[]
  /** Default `scsi`. An IDE accelerator has one disk, whose address is in the instance id. */
  readonly controller?: ControllerKind
  /** Default: the second IDE device of the first channel for `ide`, a fixed one for each other kind. */
  readonly instanceId?: string
  /** Sub-channels that a guest may ask for from version 5.1 on; default 4, none for `ide`. */
  readonly subchannels?: number
  /** Bytes of one transfer; default 256 KiB (OpenVMM storvsp). */
  readonly maxTransferBytes?: number
  /** World wide names of a Fibre Channel adapter; default made of Microsoft's prefix C0:03:FF. */
  readonly wwn?: FcNames
  /** Names this guest in persistent reservations; default the instance id. */
  readonly initiator?: string
  /** The disk of a LUN that was added after the controller was made; asked when a state is restored. */
  readonly find?: (address: LunAddress) => LunOptions | undefined
}

/** The options of a controller with nothing left open. */
export interface Resolved {
  readonly kind: ControllerKind
  readonly interfaceId: string
  readonly instanceId: string
  readonly subchannels: number
  readonly maxTransferBytes: number
  readonly wwn: FcNames | undefined
  readonly initiator: string
  readonly versions: readonly number[]
  /** An IDE accelerator answers at this address whatever path the guest names. */
  readonly address: LunAddress | undefined
}

const INSTANCES: Readonly<Record<ControllerKind, string>> = {
  scsi: 'f8b3781a-1e82-4818-a1c3-63d806ec15bb',
  ide: ideInstanceId(0, 0),
  fc: 'e1b4e2f3-5a4c-4c0d-9d0a-0f0c0f0c0f01',
}
const DEFAULT_SUBCHANNELS = 4
const DEFAULT_TRANSFER = 0x40000
const MAX_SUBCHANNELS = 0xffff

/** World wide names as Hyper-V's manager hands them out: C0:03:FF, then the adapter's own. */
const DEFAULT_WWN: FcNames = {
  port: Uint8Array.of(0xc0, 0x03, 0xff, 0, 0, 0, 0, 1),
  node: Uint8Array.of(0xc0, 0x03, 0xff, 0, 0, 0, 0xff, 0xff),
}

const wwn = bytes(8)

type GivenHost = Given<Omit<StorvscHostOptions, 'wwn'> & { readonly wwn: Given<FcNames> }>

const hostOptions = object<GivenHost>({
  luns: list(lunOptions),
  controller: optional(oneOf('scsi', 'ide', 'fc')),
  instanceId: optional(textLike(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i, 'a GUID')),
  subchannels: optional(integer(0, MAX_SUBCHANNELS)),
  maxTransferBytes: optional(integer(4096, 0xffff_f000)),
  wwn: optional(
    object<Given<FcNames>>({
      port: wwn,
      node: wwn,
      secondaryPort: optional(wwn),
      secondaryNode: optional(wwn),
    }),
  ),
  initiator: optional(text),
  find: optional(callable<(address: LunAddress) => LunOptions | undefined>()),
})

const settingsShape = object<StorvscSettings>({ versions: list(integer(0, 0xffff)) })

/** Throws VMBUS_OPTIONS_INVALID, and VMBUS_STORVSC_OPTIONS for a controller that cannot be. */
export function resolve(options: StorvscHostOptions, settings: StorvscSettings | undefined): Resolved {
  checkOptions('storvsc', hostOptions, options)
  if (settings !== undefined) checkOptions('storvsc.settings', settingsShape, settings)
  const kind = options.controller ?? 'scsi'
  const instanceId = (options.instanceId ?? INSTANCES[kind]).toLowerCase()
  const ide = kind === 'ide'
  if (ide && options.luns.length !== 1)
    throw new StorvscError('VMBUS_STORVSC_OPTIONS', 'luns', options.luns.length, 'one disk for an IDE accelerator')
  return {
    kind,
    interfaceId: INTERFACE_OF[kind],
    instanceId,
    subchannels: options.subchannels ?? (ide ? 0 : DEFAULT_SUBCHANNELS),
    maxTransferBytes: options.maxTransferBytes ?? DEFAULT_TRANSFER,
    wwn: kind === 'fc' ? (options.wwn ?? DEFAULT_WWN) : undefined,
    initiator: options.initiator ?? instanceId,
    versions: settings?.versions ?? VSTOR_VERSIONS,
    address: ide ? { ...ideAddress(instanceId), lun: 0 } : undefined,
  }
}

export function offerOf(options: StorvscHostOptions): OfferParameters {
  const { interfaceId, instanceId, address } = resolve(options, undefined)
  const userDefined = new Uint8Array(120)
  userDefined.set(
    offerProperties.toBytes({
      pathId: address?.path ?? 0,
      targetId: address?.target ?? 0,
      flags: interfaceId === IDE_INTERFACE ? OFFER_IDE_DEVICE : 0,
    }),
  )
  return { interfaceId, instanceId, userDefined }
}
