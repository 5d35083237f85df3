import type { GuestChannel, GuestDriver, GuestDriverSpec, SystemService } from '@vmbus/core'
import { anything, flag, list, object, oneOf, pair, restoreState, stateForm, text } from '@vmbus/world'
import { WindowsError } from '../errors.ts'

export const SERVICE_NAMES = [
  'vmicheartbeat',
  'vmickvpexchange',
  'vmicshutdown',
  'vmictimesync',
  'vmicvss',
  'vmicguestinterface',
] as const
export type ServiceName = (typeof SERVICE_NAMES)[number]

const DISPLAY_NAMES: Readonly<Record<ServiceName, string>> = {
  vmicheartbeat: 'Hyper-V Heartbeat Service',
  vmickvpexchange: 'Hyper-V Data Exchange Service',
  vmicshutdown: 'Hyper-V Guest Shutdown Service',
  vmictimesync: 'Hyper-V Time Synchronization Service',
  vmicvss: 'Hyper-V Volume Shadow Copy Requestor',
  vmicguestinterface: 'Hyper-V Guest Service Interface',
}

export type StartType = 'manual' | 'disabled'
/** `disabled` is stopped and cannot be started. */
export type ServiceSetting = 'running' | 'stopped' | 'disabled'

/** A service of the integration services, as services.msc shows it. A stopped one never opens its channel. */
export interface WindowsService {
  readonly name: ServiceName
  readonly displayName: string
  readonly status: 'running' | 'stopped'
  startType: StartType
  /** False when it is disabled. */
  start(): boolean
  stop(): void
}

/** Who opens and closes a channel for its service. */
interface Gate {
  open(): void
  close(): void
}

export interface ServiceController extends SystemService {
  readonly names: readonly ServiceName[]
  isRunning(name: ServiceName): boolean
  service(name: ServiceName): WindowsService
  serves(name: ServiceName, gate: Gate): void
}

interface Service {
  readonly running: boolean
  readonly startType: StartType
}

type Saved = readonly (readonly [name: string, service: Service])[]
const FORM = stateForm<{ readonly services: Saved }>('windows-services', 1, {
  services: list(pair(text, object<Service>({ running: flag, startType: oneOf('manual', 'disabled') }))),
})

const settled = (setting: ServiceSetting): Service => ({
  running: setting === 'running',
  startType: setting === 'disabled' ? 'disabled' : 'manual',
})

export function serviceController(
  names: readonly ServiceName[],
  settings: Partial<Readonly<Record<ServiceName, ServiceSetting>>>,
): ServiceController {
  const services = new Map<string, Service>(names.map((name) => [name, settled(settings[name] ?? 'running')]))
  const gates = new Map<ServiceName, Set<Gate>>()
  const of = (name: ServiceName): Service => {
    const found = services.get(name)
    if (found === undefined) throw new WindowsError('VMBUS_WINDOWS_SERVICE', `this release has no service ${name}`)
    return found
  }
  const run = (name: ServiceName, running: boolean): void => {
    const service = of(name)
    if (service.running === running) return
    services.set(name, { ...service, running })
    for (const gate of gates.get(name) ?? []) (running ? gate.open : gate.close)()
  }
  return {
    names,
    isRunning: (name) => of(name).running,
    service(name) {
      of(name)
      return {
        name,
        displayName: DISPLAY_NAMES[name],
        get status() {
          return of(name).running ? 'running' : 'stopped'
        },
        get startType() {
          return of(name).startType
        },
        set startType(startType) {
          services.set(name, { ...of(name), startType })
        },
        start() {
          if (of(name).startType === 'disabled') return false
          run(name, true)
          return true
        },
        stop: () => run(name, false),
      }
    },
    serves(name, gate) {
      gates.set(name, (gates.get(name) ?? new Set()).add(gate))
    },
    save: () => ({ ...FORM.head, services: [...services] }),
    restore(state) {
      for (const [name, service] of restoreState(state, FORM).services) services.set(name, service)
    },
  }
}

const GATE_FORM = stateForm<{ readonly driver: unknown; readonly reopens: boolean }>('windows-service', 1, {
  driver: anything,
  reopens: flag,
})

/** A driver whose channel is open while its service runs, and is only offered otherwise. */
export function servedBy(controller: ServiceController, name: ServiceName, spec: GuestDriverSpec): GuestDriverSpec {
  return {
    ...spec,
    create(deps): GuestDriver {
      const driver = spec.create(deps)
      let handle: GuestChannel | undefined
      // It was started while its channel was closing.
      let reopens = false
      controller.serves(name, {
        open() {
          if (handle?.state === 'offered') driver.offered(handle)
          else reopens = handle?.state === 'closing'
        },
        close() {
          reopens = false
          if (handle?.state === 'open') handle.close()
        },
      })
      return {
        ...driver,
        offered(channel) {
          handle = channel
          if (controller.isRunning(name)) driver.offered(channel)
        },
        opened(channel, status) {
          driver.opened(channel, status)
          // It was stopped while the host had not answered.
          if (status === 0 && !controller.isRunning(name)) channel.close()
        },
        closed(channel) {
          driver.closed?.(channel)
          if (!reopens) return
          reopens = false
          driver.offered(channel)
        },
        rescinded(channel) {
          handle = undefined
          driver.rescinded(channel)
        },
        save: () => ({ ...GATE_FORM.head, driver: driver.save(), reopens }),
        checkState(saved) {
          driver.checkState?.(restoreState(saved, GATE_FORM).driver)
        },
        restore(saved, channels) {
          const state = restoreState(saved, GATE_FORM)
          handle = channels[0]
          reopens = state.reopens
          driver.restore(state.driver, channels)
        },
        inspect: () => ({ ...driver.inspect(), service: controller.isRunning(name) ? 'running' : 'stopped' }),
      }
    },
  }
}
