import type { GuestChannel, GuestDriver, GuestDriverDeps } from '@vmbus/core'
import { storvsc, type StorvscGuestOptions } from '@vmbus/storvsc'
import { plainCopy } from '@vmbus/world'
import { controllerKindOf } from '@vmbus/storvsc/protocol'
import { linuxDisk, type LinuxDisk } from './block-device.ts'
import type { ScsiOptions, StorageContext } from './context.ts'
import { removeUnit, rescanUnit } from './disk.ts'
import type { ScsiHosts } from './hosts.ts'
import { partEnded } from './io.ts'
import { scanAgain, scanHost } from './scan.ts'
import { initialState, type StorageState } from './state.ts'
import { advance, commandEnded, forget } from './steps.ts'

/** hv_storvsc with the SCSI midlayer and the disk driver above it: one controller. */
export interface LinuxStorage extends GuestDriver {
  /** Disks that can be used, in the order in which they were found. */
  readonly blockDevices: readonly LinuxDisk[]
  /** Its number and names, of a Fibre Channel adapter that has told them. */
  readonly fcHost: FcHost | undefined
}

export interface FcHost {
  readonly host: number
  /** Hexadecimal. */
  readonly port: string
  readonly node: string
}

interface Saved {
  readonly v: 1
  readonly driver: unknown
  readonly stack: StorageState
}

type DriverOptions = Pick<StorvscGuestOptions, 'versions' | 'behaviour' | 'asksNames'> & {
  readonly subchannels?: number | undefined
  /** The bus is looked at again where its units changed. */
  readonly hotLun: boolean
  /** A unit is looked at again whose capacity changed. */
  readonly capacityChange: boolean
}

export function linuxStorage(
  options: DriverOptions & ScsiOptions & { readonly hosts: ScsiHosts },
  deps: GuestDriverDeps,
): LinuxStorage {
  const { versions, behaviour, asksNames, subchannels, hosts, vpd, sizedPages, hotLun, capacityChange, slab } = options
  const driver = storvsc
    .driver({
      ...(versions === undefined ? {} : { versions }),
      ...(behaviour === undefined ? {} : { behaviour }),
      ...(asksNames === undefined ? {} : { asksNames }),
      ...(subchannels === undefined ? {} : { subchannels }),
      port: () => Math.max(0, ctx.state.host),
      scan: false,
      onReady() {
        // After hibernation the units are the ones of before.
        if (!ctx.state.scanned) scanHost(ctx)
        advance(ctx)
      },
      onBusChange() {
        if (!hotLun) return
        scanAgain(ctx)
        advance(ctx)
      },
      onUnitChanged(at) {
        if (!capacityChange) return
        rescanUnit(ctx, at)
        advance(ctx)
      },
      onUnitGone(at) {
        removeUnit(ctx, at)
        advance(ctx)
      },
      onComplete(id, result) {
        if (id === ctx.state.command?.request) commandEnded(ctx, result)
        else partEnded(ctx, id, result)
      },
    })
    .create(deps)
  const ctx: StorageContext = { deps, options: { vpd, sizedPages, slab }, hosts, driver, state: initialState() }

  const identify = ({ offer }: GuestChannel): void => {
    const { state } = ctx
    if (state.host >= 0) return
    state.instanceId = offer.instanceId
    state.controller = controllerKindOf(offer.interfaceId)
    state.host = hosts.addHost(offer.instanceId)
  }

  return {
    get blockDevices() {
      return ctx.state.units.filter(({ ready }) => ready).map((unit) => linuxDisk(ctx, unit))
    },
    get fcHost() {
      const { controller, host } = ctx.state
      return controller === 'fc' && driver.wwn.port !== '' ? { host, ...driver.wwn } : undefined
    },
    offered(channel) {
      identify(channel)
      driver.offered(channel)
    },
    opened: (channel, status) => driver.opened(channel, status),
    readable: (channel) => driver.readable(channel),
    writable: (channel) => driver.writable?.(channel),
    closed: (channel) => driver.closed?.(channel),
    rescinded(channel) {
      const isController = channel.offer.subchannelIndex === 0
      // Nothing is looked at any more; requests end as the driver says.
      if (isController) ctx.state.steps = []
      driver.rescinded(channel)
      if (!isController) return
      for (const unit of ctx.state.units) forget(ctx, unit)
      hosts.removeHost(ctx.state.instanceId)
    },
    timer: (name) => driver.timer?.(name),
    save: (): Saved => ({ v: 1, driver: driver.save(), stack: plainCopy(ctx.state) }),
    restore(saved, channels) {
      const { driver: saveOfDriver, stack } = saved as Saved
      ctx.state = plainCopy(stack)
      driver.restore(saveOfDriver, channels)
    },
    inspect: () => ({
      ...driver.inspect(),
      host: ctx.state.host,
      ...(ctx.state.controller === 'fc' ? { wwn: driver.wwn } : {}),
      looking: ctx.state.command?.step.do ?? null,
      disks: ctx.state.units.map((unit) => ({ ...unit })),
      requests: Object.keys(ctx.state.io).length,
    }),
  }
}
