import { createHostBus, type HostBus, type HostDevice, type HostDeviceHandle, type HostDeviceSpec } from '@vmbus/core'
import {
  createPartition,
  type CrashReport,
  type GuestMemory,
  type LocalApics,
  type Partition,
  type PartitionFeatures,
} from '@vmbus/hypervisor'
import { FC_INTERFACE } from '@vmbus/storvsc/protocol'
import {
  anything,
  oneOf,
  restoreState,
  scopedTimers,
  stateForm,
  type Clock,
  type Diagnose,
  type Seed,
  type StateForm,
  type Timers,
  type TraceSink,
} from '@vmbus/world'
import { DEVICE_KINDS, type DeviceSettings, type HostProfile } from './profile.ts'

/** What a machine or a simulated world supplies. */
export interface HostOptions {
  readonly memory: GuestMemory
  readonly clock: Clock
  /** Timers of this host; the owner calls `timer(name)` when one fires. */
  readonly timers: Timers
  readonly seed: Seed
  readonly vps?: number
  /** As `PartitionOptions.interrupt` of @vmbus/hypervisor. */
  interrupt(vp: number, vector: number, autoEoi: boolean): void
  /** Local APICs behind the MSRs EOI, ICR and TPR: a guest starts its other processors through them. */
  readonly apic?: LocalApics
  /** What the machine imposes on CPUID: its hints, its frequencies. The rest is the profile's. */
  readonly features?: Partial<PartitionFeatures>
  readonly hypercallCode?: Uint8Array
  /**
   * Reference time (100 ns units) when the guest's TSC was 0: the reference TSC page is valid then. Without it guests
   * read the reference time MSR.
   */
  readonly tscOrigin?: bigint
  readonly trace?: TraceSink
  readonly diagnose?: Diagnose
  crashed?(report: CrashReport): void
  reset?(): void
}

/** A Hyper-V host of one version with one guest: its partition, its bus, and the devices that it offers. */
export interface Host {
  readonly profile: HostProfile
  readonly partition: Partition
  readonly bus: HostBus
  /**
   * Offers a device with the profile's settings, or with `settings`. Undefined when this version of the host has no
   * such device: a kind that `DeviceSettings` knows and the profile lacks, or a Fibre Channel adapter where a machine may
   * have none. `whyNot` tells the reason.
   */
  offer<Settings, D extends HostDevice>(
    spec: HostDeviceSpec<Settings, D>,
    settings?: Settings,
  ): HostDeviceHandle<D> | undefined
  /** The offered devices of a kind. */
  devices(kind: string): readonly HostDeviceHandle[]
  timer(name: string): void
  save(): unknown
  /**
   * Throws StateError (VMBUS_STATE_INVALID) for a state that `restore` would not take. Gives what takes the state over without
   * another look at it.
   */
  checkState(state: unknown): () => void
  /**
   * Into a host of the same profile, with its devices offered over the same backends; those that differ are rescinded and
   * offered, as `HostBus.restore` says. Throws StateError (VMBUS_STATE_INVALID), and has touched nothing, for a state of
   * another kind, version, profile or shape.
   */
  restore(state: unknown): void
  inspect(): Record<string, unknown>
}

interface HostState {
  readonly profile: string
  readonly partition: unknown
  readonly bus: unknown
}

const PROFILED: ReadonlySet<string> = new Set(DEVICE_KINDS)

const formOf = (profile: string): StateForm<HostState> =>
  stateForm<HostState>('host', 2, { profile: oneOf(profile), partition: anything, bus: anything })

export function createHost(profile: HostProfile, options: HostOptions): Host {
  const { memory, clock, timers, seed, vps = 1 } = options
  const form = formOf(profile.id)
  const shared = {
    ...(options.trace === undefined ? {} : { trace: options.trace }),
    ...(options.diagnose === undefined ? {} : { diagnose: options.diagnose }),
  }
  const partition = createPartition({
    memory,
    clock,
    vps,
    timers: scopedTimers(timers, 'partition'),
    interrupt: (vp, vector, autoEoi) => options.interrupt(vp, vector, autoEoi),
    features: { ...profile.partition, ...options.features },
    ...(options.apic === undefined ? {} : { apic: options.apic }),
    ...(options.hypercallCode === undefined ? {} : { hypercallCode: options.hypercallCode }),
    ...(options.tscOrigin === undefined ? {} : { tscOrigin: options.tscOrigin }),
    crashed: (report) => options.crashed?.(report),
    reset: () => options.reset?.(),
    ...shared,
  })
  const bus = createHostBus({
    partition,
    clock,
    timers: scopedTimers(timers, 'bus'),
    seed,
    versions: profile.vmbus,
    features: profile.featureFlags,
    maxGpadlBytes: profile.gpadlLimit,
    ...shared,
  })

  /** Both look before either is touched: a state is taken whole or not at all. */
  function checked(saved: unknown): () => void {
    const state = restoreState(saved, form)
    partition.checkState(state.partition)
    const takeBus = bus.checkState(state.bus)
    return () => {
      partition.restore(state.partition)
      takeBus()
    }
  }

  return {
    profile,
    partition,
    bus,
    offer(spec, settings) {
      const own = profile.devices[spec.kind as keyof DeviceSettings]
      const lacking =
        (own === undefined && PROFILED.has(spec.kind)) ||
        (spec.offer.interfaceId === FC_INTERFACE && profile.limits.fibreChannelAdapters === 0)
      if (lacking && settings === undefined) return undefined
      return bus.offer(spec as HostDeviceSpec<unknown, ReturnType<typeof spec.create>>, settings ?? own)
    },
    devices: (kind) => bus.devices.filter((handle) => handle.kind === kind),
    timer(name) {
      const cut = name.indexOf('/')
      const owner = name.slice(0, cut)
      if (owner === 'partition') partition.timer(name.slice(cut + 1))
      else if (owner === 'bus') bus.timer(name.slice(cut + 1))
    },
    save: () => ({ ...form.head, profile: profile.id, partition: partition.save(), bus: bus.save() }),
    checkState: checked,
    restore: (saved) => checked(saved)(),
    inspect: () => ({ profile: profile.id, partition: partition.inspect(), bus: bus.inspect() }),
  }
}
