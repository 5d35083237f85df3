import { createGuestBus, pageAllocator, type GuestBus, type GuestFirmware } from '@vmbus/core'
import { anything, object, scopedTimers, type Shape } from '@vmbus/world'
import type { SystemMachine } from './types.ts'

/** Below it a PC keeps its real-mode structures. */
export const FIRST_PAGE = 16
/** Its timers have names that begin so. */
export const FIRMWARE = 'firmware/'

const LEAVE = 'leave'
const BUS = 'bus'

export interface SavedFirmware {
  readonly pages: unknown
  readonly bus: unknown
}
export const savedFirmware: Shape<SavedFirmware> = object<SavedFirmware>({ pages: anything, bus: anything })

/** The firmware's time on the bus; the memory that it used is the system's afterwards. */
export interface FirmwareStage {
  readonly bus: GuestBus
  start(): void
  timer(name: string): void
  save(): SavedFirmware
  restore(state: SavedFirmware): void
}

/** `left` is called once the host has let go. */
export function createFirmware(firmware: GuestFirmware, machine: SystemMachine, left: () => void): FirmwareStage {
  const { partition, clock } = machine
  const { memory } = partition
  const timers = scopedTimers(machine.timers, FIRMWARE.slice(0, -1))
  const pages = pageAllocator(memory, FIRST_PAGE, memory.size / 4096)
  const bus = createGuestBus({
    partition,
    versions: firmware.versions,
    behaviour: firmware.behaviour,
    drivers: firmware.drivers(),
    pages,
    clock,
    timers: scopedTimers(timers, BUS),
    seed: machine.seed,
    ...(machine.diagnose === undefined ? {} : { diagnose: machine.diagnose }),
  })
  bus.on((event) => {
    machine.event(event)
    if (event.kind === 'unloaded') left()
  })
  return {
    bus,
    start() {
      machine.event({ kind: 'module', name: firmware.name, loaded: true })
      timers.set(LEAVE, clock.now() + firmware.stays)
      bus.start()
    },
    timer(name) {
      if (name === LEAVE) {
        if (bus.phase !== 'failed') bus.unload()
      } else bus.timer(name.slice(BUS.length + 1))
    },
    save: () => ({ pages: pages.save(), bus: bus.save() }),
    restore(saved) {
      pages.restore(saved.pages)
      bus.restore(saved.bus)
    },
  }
}
