import type { Channel, HostDevice, HostDeviceDeps } from '@vmbus/core'
import type { BlockDevice } from '@vmbus/disk'
import { checkOptions, plainCopy, restoreState } from '@vmbus/world'
import { StorvscError } from '../errors.ts'
import { addressKey, partialAddress, type LunAddress } from './address.ts'
import { hostContext, initialState, type HostContext } from './context.ts'
import { pump, pumpAll } from './intake.ts'
import { lunOptions, type LunOptions } from './lun-options.ts'
import type { StorvscHostOptions, StorvscSettings } from './options.ts'
import { LUN_TIMER, arm, lose, poll } from './pending.ts'
import { announce, flush } from './replies.ts'
import { savedController, type SavedController } from './saved.ts'
import { initialSetup, type Phase } from './setup.ts'

export type { LunAddress } from './address.ts'
export type { DiskLun, DvdLun, LunOptions } from './lun-options.ts'
export type { StorvscHostOptions, StorvscSettings } from './options.ts'
export { persistentReservations, type Registrant, type ReservationState, type Reservations } from './reservations.ts'
export type { DiskUnitOptions } from './scsi/disk.ts'
export type { FcNames, Phase } from './setup.ts'
export type { Backend } from './unit.ts'

/** The controller as its owner sees it. */
export interface StorvscHost extends HostDevice {
  readonly phase: Phase
  /** The version agreed on (major << 8 | minor), 0 before. */
  readonly version: number
  readonly luns: readonly LunAddress[]
  /** Requests that wait for their disk. */
  readonly inFlight: number
  /** Hot add, which the guest learns by ENUMERATE_BUS from version 4.2 on. Throws VMBUS_STORVSC_LUN, VMBUS_STORVSC_OPTIONS. */
  addLun(options: LunOptions): LunAddress
  /** Hot remove, in use or not: requests that wait for the disk end with an invalid LUN. Throws VMBUS_STORVSC_LUN. */
  removeLun(address: Partial<LunAddress>): void
  /** Puts a medium into a DVD drive, or takes it out. Throws VMBUS_STORVSC_LUN. */
  changeMedium(address: Partial<LunAddress>, medium: BlockDevice | undefined): void
  /** Asks the guest to let go of a medium, which it answers by ejecting it. Throws VMBUS_STORVSC_LUN. */
  pressEject(address: Partial<LunAddress>): void
}

/** Throws OptionsError (VMBUS_OPTIONS_INVALID), VMBUS_STORVSC_OPTIONS and VMBUS_STORVSC_LUN. */
export function storvscHost(
  options: StorvscHostOptions,
  deps: HostDeviceDeps,
  settings?: StorvscSettings,
): StorvscHost {
  const ctx = hostContext(options, deps, settings)
  const { luns, channels } = ctx
  const form = savedController(ctx.setup.versions)
  const provided = luns.provided()

  return {
    get phase() {
      return ctx.state.phase
    },
    get version() {
      return ctx.state.version
    },
    get luns() {
      return luns.addresses
    },
    get inFlight() {
      return ctx.state.pending.length
    },
    addLun: (lun) => addLun(ctx, lun),
    removeLun: (address) => removeLun(ctx, address),
    changeMedium: (address, medium) => luns.dvd(partialAddress(address)).change(medium),
    pressEject: (address) => luns.dvd(partialAddress(address)).pressEject(),
    open(channel) {
      // A queue may still remember slots of before.
      if (channel.subchannelIndex === 0) ctx.state = { ...initialState(), nextSlot: ctx.state.nextSlot }
      channels.set(channel.subchannelIndex, channel)
      return 0
    },
    readable: (channel) => pump(ctx, channel),
    writable(channel) {
      flush(ctx)
      if (channel.subchannelIndex === 0) announce(ctx)
      pump(ctx, channel)
    },
    close(channel) {
      const { state } = ctx
      const index = channel.subchannelIndex
      channels.delete(index)
      state.pending = state.pending.filter((request) => request.channel !== index)
      state.finished = state.finished.filter((request) => request.channel !== index)
      if (index === 0) Object.assign(state, initialSetup(), { enumerate: false })
    },
    rescinded() {
      ctx.state.rescinded = true
      for (const address of luns.addresses) lose(ctx, addressKey(address))
      pumpAll(ctx)
    },
    timer(name) {
      const key = LUN_TIMER.exec(name)?.[1]
      if (key === undefined) return
      poll(ctx, Number(key))
      pumpAll(ctx)
    },
    save: () => plainCopy({ ...ctx.state, ...form.head, luns: luns.save() }),
    checkState: (saved) => provided.check(restoreState(saved, form).luns, options.find),
    restore: (saved, open) => restore(ctx, restoreState(saved, form), open, options.find),
    inspect: () => inspect(ctx),
  }
}

function changed(ctx: HostContext): void {
  ctx.state.enumerate = true
  announce(ctx)
}

function addLun(ctx: HostContext, lun: LunOptions): LunAddress {
  checkOptions('storvsc.addLun', lunOptions, lun)
  if (ctx.fixed !== undefined)
    throw new StorvscError('VMBUS_STORVSC_LUN', 'controller', 'ide', 'a controller with more than one unit')
  const address = ctx.luns.add(lun)
  changed(ctx)
  return address
}

function removeLun(ctx: HostContext, partial: Partial<LunAddress>): void {
  const address = ctx.fixed ?? partialAddress(partial)
  ctx.luns.remove(address)
  lose(ctx, addressKey(address))
  changed(ctx)
  pumpAll(ctx)
}

function restore(
  ctx: HostContext,
  { luns: units, ...state }: SavedController,
  open: readonly Channel[],
  find: StorvscHostOptions['find'],
): void {
  ctx.luns.restore(units, (address) => find?.(address))
  ctx.state = state
  ctx.channels.clear()
  for (const channel of open) ctx.channels.set(channel.subchannelIndex, channel)
  for (const { key } of units) arm(ctx, key)
}

function inspect({ kind, state, luns }: HostContext): Record<string, unknown> {
  return {
    kind,
    phase: state.phase,
    version: state.version,
    subchannels: state.subchannels,
    inFlight: state.pending.length,
    waitingForRoom: state.finished.length,
    luns: luns.addresses.map((address) => ({ ...address, ...luns.get(addressKey(address))?.inspect() })),
  }
}
