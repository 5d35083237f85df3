import type { GuestMemory } from '@vmbus/hypervisor'
import type { Clock, Diagnose, Seed, Timers } from '@vmbus/world'
import type { ProcessorTraps } from './emulator/machine-types.ts'

/** What a host (partition, bus and devices) is given of the machine that it runs beside. Everything is synchronous. */
export interface HostMachine {
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly seed: Seed
  /** For the partition's option of the same name: code that traps here. */
  readonly hypercallCode: Uint8Array
  /** What this machine imposes on the partition's CPUID and frequency MSRs. */
  readonly imposed: ImposedFeatures
  /** A queue of timers that the machine runs in its own time; `fire` is called by name. */
  timers(fire: (name: string, at: number) => void): Timers
  /** For the partition's option of the same name. */
  interrupt(vp: number, vector: number): void
  /** Connects the partition to the processor's traps. */
  connect(partition: ProcessorTraps): void
  /** Something that the run's owner may wait for or count. The detail must be a plain value: VMBUS_MACHINE_HOST. */
  emit(name: string, detail?: unknown): void
  readonly diagnose: Diagnose
}

export interface ImposedFeatures {
  /** Hz, for the frequency MSRs. */
  readonly tscFrequency: number
  readonly apicFrequency: number
  /** Bits that leaf 0x40000004 EAX must have: no auto-EOI, which this APIC has not and a guest would hang on. */
  readonly requiredHints: number
  /** The TSC is 0 at reference time 0, so a reference TSC page is valid with this origin. */
  readonly tscOrigin: bigint
}

/** What a host lets the run's owner do. */
export interface HostHooks {
  /** An action on the host, by name; arguments and results are plain values, since they may cross a thread. */
  call?(name: string, argument: unknown): unknown
  /** All host state as one plain value of JSON kinds and Uint8Array, taken while the guest stands still. */
  save?(): unknown
  restore?(state: unknown): void
  /**
   * The part of the state that a guest can have changed while it booted, before it loaded hv_vmbus: its partition. What
   * it leaves out begins anew after a restore, so that the snapshot of a booted guest outlives changes of bus and devices.
   */
  readonly booted?: {
    /** Undefined when the guest changed more than that: then no such snapshot is kept. */
    save(): unknown
    /** Throws for the state of another version. */
    restore(state: unknown): void
  }
  /** What was measured, for the run's result. A plain value. */
  result?(): unknown
  /**
   * Gives up what lives outside of the machine: files, sockets, timers. Called once, when the guest has ended or its owner
   * stops or aborts it, whatever it was doing; `result` was asked for before. Other hooks but `save` and `restore` may
   * still be called afterwards.
   */
  close?(): void
  /** Why this run is not repeatable, when it is not (a live socket, a real file). */
  readonly notDeterministic?: string | undefined
}

/**
 * Makes the host of a machine, once in each life of one, and `close` ends it. A boot with a `snapshotKey` whose snapshot is
 * not there yet is two lives, one after the other: the first only boots, the second goes on from its snapshot. A module that
 * exports one can run inside the machine's worker.
 */
export type HostFactory = (machine: HostMachine, options: unknown) => HostHooks
