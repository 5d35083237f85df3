import type { BlockDevice } from '@vmbus/disk'
import {
  ShapeMismatch,
  bytes,
  flag,
  instance,
  number,
  object,
  optional,
  seeded,
  textLike,
  type Shape,
  type Given,
} from '@vmbus/world'
import { StorvscError } from '../errors.ts'
import { addressKey, addressOf, checkAddress, type LunAddress } from './address.ts'
import { savedDrive } from './dvd/state.ts'
import { dvdUnit, type DvdUnit } from './dvd/unit.ts'
import type { Reservations } from './reservations.ts'
import { diskUnit, type DiskUnitOptions } from './scsi/disk.ts'
import { blockDeviceOf, isQueued, type Backend, type LogicalUnit } from './unit.ts'

/** A disk at an address; without one, at the next free LUN of path 0, target 0. */
export interface DiskLun extends Partial<LunAddress>, DiskUnitOptions {
  readonly disk: Backend
}

/** A DVD drive, with its medium if it has one. */
export interface DvdLun extends Partial<LunAddress> {
  readonly dvd: BlockDevice | undefined
}

export type LunOptions = Backend | DiskLun | DvdLun

export interface LunState {
  readonly key: number
  readonly type: LogicalUnit['type']
  readonly state: unknown
}

/** The logical units of a controller by address. */
export interface Luns {
  readonly addresses: readonly LunAddress[]
  get(key: number): LogicalUnit | undefined
  /** The DVD drive at an address; throws VMBUS_STORVSC_LUN where there is none. */
  dvd(address: LunAddress): DvdUnit
  /** Throws VMBUS_STORVSC_LUN for an address that is taken, VMBUS_STORVSC_OPTIONS for one that cannot be. */
  add(options: LunOptions): LunAddress
  /** Throws VMBUS_STORVSC_LUN where there is none. */
  remove(address: LunAddress): void
  /** The units that there are now. */
  provided(): ProvidedUnits
  save(): LunState[]
  /** Units that were removed before the state was saved go; `find` supplies those that were added. Throws VMBUS_STORVSC_STATE. */
  restore(states: readonly LunState[], find: (address: LunAddress) => LunOptions | undefined): void
}

/** Whether the units of a saved state are there: those that a controller began with, and those that `find` supplies. */
interface ProvidedUnits {
  /** Throws VMBUS_STORVSC_STATE; changes nothing. */
  check(states: readonly LunState[], find: ((address: LunAddress) => LunOptions | undefined) | undefined): void
}

export interface LunsOptions {
  /** The address of a unit that names none; default path 0, target 0, next free LUN. */
  readonly at: LunAddress | undefined
  readonly initiator: string
  /** Another guest aborted what this one has under way at the unit. */
  readonly aborted: (key: number) => void
  /** The guest took a medium out of its drive. */
  readonly ejected: (address: LunAddress) => void
}

const isBackend = (options: LunOptions): options is Backend =>
  !('dvd' in options) && ('submit' in options || !('disk' in options))

const blockDevice: Shape<BlockDevice> = (value, at) => {
  const given = instance<BlockDevice>()(value, at)
  if (typeof given.read === 'function') return given
  throw new ShapeMismatch(at, value, 'a block device of @vmbus/disk, or a queue of one')
}

const backend: Shape<Backend> = (value, at) => {
  const given = instance<Backend>()(value, at)
  if (!isQueued(given)) return blockDevice(given, at)
  blockDevice(given.disk, at)
  return given
}

// How far an address goes is told by VMBUS_STORVSC_OPTIONS.
const place = { path: optional(number()), target: optional(number()), lun: optional(number()) }

const diskLun = object<Given<DiskLun>>({
  ...place,
  disk: backend,
  identity: optional(bytes(16)),
  serial: optional(textLike(/^[\x20-\x7e]{1,252}$/, 'up to 252 printable characters')),
  unmap: optional(flag),
  writeCache: optional(flag),
  reservations: optional(instance<Reservations>()),
})

const dvdLun = object<Given<DvdLun>>({ ...place, dvd: optional(blockDevice) })

/** A disk, a queue, or where one of them is and how. */
export const lunOptions: Shape<LunOptions> = (value, at) => {
  const given = instance<LunOptions>()(value, at)
  const of: Shape<unknown> = isBackend(given) ? backend : 'dvd' in given ? dvdLun : diskLun
  of(given, at)
  return given
}
const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

function missing(key: number, what: string): StorvscError {
  const { path, target, lun } = addressOf(key)
  return new StorvscError(
    'VMBUS_STORVSC_STATE',
    'lun',
    `${path}:${target}:${lun}`,
    `a ${what}, as when the state was saved`,
  )
}

export function luns({ at, initiator, aborted, ejected }: LunsOptions): Luns {
  const units = new Map<number, LogicalUnit>()
  const drives = new Map<number, DvdUnit>()
  const identities = new Map<number, Uint8Array>()

  /** Raw disks of one size have one identity: those after the first are told apart by their address. */
  const identityOf = (own: Uint8Array, key: number): Uint8Array => {
    if (![...identities.values()].some((other) => sameBytes(other, own))) return own
    const seed = seeded(key)
    const view = new DataView(new ArrayBuffer(16))
    for (let word = 0; word < 4; word++) view.setUint32(word * 4, seed.u32('identity', word, ...own))
    return new Uint8Array(view.buffer)
  }

  const free = (): LunAddress => {
    for (let lun = 0; lun < 256; lun++) if (!units.has(lun)) return { path: 0, target: 0, lun }
    throw new StorvscError('VMBUS_STORVSC_LUN', 'lun', 256, '256 logical units at path 0, target 0')
  }

  const add = (options: LunOptions): LunAddress => {
    const full: DiskLun | DvdLun = isBackend(options) ? { disk: options } : options
    const { path, target, lun } = full
    const named = path !== undefined || target !== undefined || lun !== undefined
    const address = checkAddress(named ? { path: path ?? 0, target: target ?? 0, lun: lun ?? 0 } : (at ?? free()))
    const key = addressKey(address)
    if (units.has(key))
      throw new StorvscError(
        'VMBUS_STORVSC_LUN',
        'lun',
        `${address.path}:${address.target}:${address.lun}`,
        'an address that is free',
      )
    if ('dvd' in full) {
      const unit = dvdUnit(full.dvd, () => ejected(address))
      drives.set(key, unit)
      units.set(key, unit)
      return address
    }
    if (isQueued(full.disk) && [...units.values()].some(({ backend }) => backend === full.disk)) {
      throw new StorvscError('VMBUS_STORVSC_OPTIONS', 'disk', 'a queue', 'one logical unit for each queue')
    }
    const identity = identityOf(full.identity ?? blockDeviceOf(full.disk).identity, key)
    identities.set(key, identity)
    units.set(
      key,
      diskUnit(full.disk, { ...full, identity }, initiator, () => aborted(key)),
    )
    return address
  }

  const remove = (key: number): void => {
    units.get(key)?.removed()
    units.delete(key)
    drives.delete(key)
    identities.delete(key)
  }

  return {
    get addresses() {
      return [...units.keys()].toSorted((a, b) => a - b).map(addressOf)
    },
    get: (key) => units.get(key),
    dvd(address) {
      const unit = drives.get(addressKey(address))
      if (unit === undefined)
        throw new StorvscError(
          'VMBUS_STORVSC_LUN',
          'lun',
          `${address.path}:${address.target}:${address.lun}`,
          'the address of a DVD drive',
        )
      return unit
    },
    add,
    remove(address) {
      if (!units.has(addressKey(address)))
        throw new StorvscError(
          'VMBUS_STORVSC_LUN',
          'lun',
          `${address.path}:${address.target}:${address.lun}`,
          'an address with a logical unit',
        )
      remove(addressKey(address))
    },
    provided() {
      const now = new Map([...units].map(([key, { type, backend }]) => [key, { type, filled: backend !== undefined }]))
      const supplied = (options: LunOptions | undefined) => {
        if (options === undefined) return undefined
        const type = !isBackend(options) && 'dvd' in options ? 'dvd' : 'disk'
        return { type, filled: isBackend(options) || !('dvd' in options) || options.dvd !== undefined }
      }
      return {
        check(states, find) {
          for (const { key, type, state } of states) {
            const unit = now.get(key) ?? supplied(find?.(addressOf(key)))
            if (unit?.type !== type) throw missing(key, type)
            if (type === 'dvd' && savedDrive(state, '').present && !unit.filled) throw missing(key, 'medium')
          }
        },
      }
    },
    save: () => [...units].map(([key, unit]) => ({ key, type: unit.type, state: unit.save() })),
    restore(states, find) {
      const saved = new Map(states.map((each) => [each.key, each]))
      for (const key of units.keys()) if (!saved.has(key)) remove(key)
      for (const { key, type, state } of states) {
        const address = addressOf(key)
        if (!units.has(key)) {
          const options = find(address)
          if (options !== undefined)
            add(isBackend(options) ? { disk: options, ...address } : { ...options, ...address })
        }
        const unit = units.get(key)
        if (unit?.type !== type) throw missing(key, type)
        unit.restore(state)
      }
    },
  }
}
