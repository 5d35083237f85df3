import { seeded } from '@vmbus/world'
import { StorvscError } from '../errors.ts'
import { addressKey, addressOf, checkAddress, type LunAddress } from './address.ts'
import { savedDrive } from './dvd/state.ts'
import { dvdUnit, type DvdUnit } from './dvd/unit.ts'
import { isBackend, type DiskLun, type DvdLun, type LunOptions } from './lun-options.ts'
import { diskUnit } from './scsi/disk.ts'
import { blockDeviceOf, isQueued, type LogicalUnit } from './unit.ts'

type Find = (address: LunAddress) => LunOptions | undefined

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
  restore(states: readonly LunState[], find: Find): void
}

/** Whether the units of a saved state are there: those that a controller began with, and those that `find` supplies. */
interface ProvidedUnits {
  /** Throws VMBUS_STORVSC_STATE; changes nothing. */
  check(states: readonly LunState[], find: Find | undefined): void
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

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, index) => byte === b[index])

const nameOf = ({ path, target, lun }: LunAddress): string => `${path}:${target}:${lun}`

const badLun = (address: LunAddress, allowed: string): StorvscError =>
  new StorvscError('VMBUS_STORVSC_LUN', 'lun', nameOf(address), allowed)

const missing = (key: number, what: string): StorvscError =>
  new StorvscError('VMBUS_STORVSC_STATE', 'lun', nameOf(addressOf(key)), `a ${what}, as when the state was saved`)

/** The units of a controller by their address key. */
interface Table {
  readonly options: LunsOptions
  readonly units: Map<number, LogicalUnit>
  readonly drives: Map<number, DvdUnit>
  readonly identities: Map<number, Uint8Array>
}

/** Raw disks of one size have one identity: those after the first get one made from their address. */
function identityOf({ identities }: Table, own: Uint8Array, key: number): Uint8Array {
  if (![...identities.values()].some((other) => sameBytes(other, own))) return own
  const seed = seeded(key)
  const view = new DataView(new ArrayBuffer(16))
  for (let word = 0; word < 4; word++) view.setUint32(word * 4, seed.u32('identity', word, ...own))
  return new Uint8Array(view.buffer)
}

function freeAddress({ units }: Table): LunAddress {
  for (let lun = 0; lun < 256; lun++) if (!units.has(lun)) return { path: 0, target: 0, lun }
  throw new StorvscError('VMBUS_STORVSC_LUN', 'lun', 256, '256 logical units at path 0, target 0')
}

function addressFor(table: Table, { path, target, lun }: Partial<LunAddress>): LunAddress {
  const named = path !== undefined || target !== undefined || lun !== undefined
  const address = named
    ? { path: path ?? 0, target: target ?? 0, lun: lun ?? 0 }
    : (table.options.at ?? freeAddress(table))
  return checkAddress(address)
}

function add(table: Table, options: LunOptions): LunAddress {
  const { units, drives, identities } = table
  const { initiator, aborted, ejected } = table.options
  const full: DiskLun | DvdLun = isBackend(options) ? { disk: options } : options
  const address = addressFor(table, full)
  const key = addressKey(address)
  if (units.has(key)) throw badLun(address, 'an address that is free')
  if ('dvd' in full) {
    const unit = dvdUnit(full.dvd, () => ejected(address))
    drives.set(key, unit)
    units.set(key, unit)
    return address
  }
  if (isQueued(full.disk) && [...units.values()].some(({ backend }) => backend === full.disk))
    throw new StorvscError('VMBUS_STORVSC_OPTIONS', 'disk', 'a queue', 'one logical unit for each queue')
  const identity = identityOf(table, full.identity ?? blockDeviceOf(full.disk).identity, key)
  identities.set(key, identity)
  units.set(
    key,
    diskUnit(full.disk, { ...full, identity }, initiator, () => aborted(key)),
  )
  return address
}

function remove({ units, drives, identities }: Table, key: number): void {
  units.get(key)?.removed()
  units.delete(key)
  drives.delete(key)
  identities.delete(key)
}

/** What a saved state is held against: whether a unit is there, of which type, and whether it has a disk or medium. */
interface Provided {
  readonly type: LogicalUnit['type']
  readonly filled: boolean
}

function supplied(options: LunOptions | undefined): Provided | undefined {
  if (options === undefined) return undefined
  const isDrive = !isBackend(options) && 'dvd' in options
  return { type: isDrive ? 'dvd' : 'disk', filled: !isDrive || options.dvd !== undefined }
}

function provided({ units }: Table): ProvidedUnits {
  const now = new Map(
    [...units].map(([key, { type, backend }]): [number, Provided] => [key, { type, filled: backend !== undefined }]),
  )
  return {
    check(states, find) {
      for (const { key, type, state } of states) {
        const unit = now.get(key) ?? supplied(find?.(addressOf(key)))
        if (unit?.type !== type) throw missing(key, type)
        if (type === 'dvd' && savedDrive(state, '').present && !unit.filled) throw missing(key, 'medium')
      }
    },
  }
}

function restore(table: Table, states: readonly LunState[], find: Find): void {
  const { units } = table
  const saved = new Set(states.map(({ key }) => key))
  for (const key of units.keys()) if (!saved.has(key)) remove(table, key)
  for (const { key, type, state } of states) {
    const address = addressOf(key)
    const options = units.has(key) ? undefined : find(address)
    if (options !== undefined) add(table, { ...(isBackend(options) ? { disk: options } : options), ...address })
    const unit = units.get(key)
    if (unit?.type !== type) throw missing(key, type)
    unit.restore(state)
  }
}

export function luns(options: LunsOptions): Luns {
  const table: Table = { options, units: new Map(), drives: new Map(), identities: new Map() }
  const { units, drives } = table
  return {
    get addresses() {
      return [...units.keys()].toSorted((a, b) => a - b).map(addressOf)
    },
    get: (key) => units.get(key),
    dvd(address) {
      const unit = drives.get(addressKey(address))
      if (unit === undefined) throw badLun(address, 'the address of a DVD drive')
      return unit
    },
    add: (lun) => add(table, lun),
    remove(address) {
      if (!units.has(addressKey(address))) throw badLun(address, 'an address with a logical unit')
      remove(table, addressKey(address))
    },
    provided: () => provided(table),
    save: () => [...units].map(([key, unit]) => ({ key, type: unit.type, state: unit.save() })),
    restore: (states, find) => restore(table, states, find),
  }
}
