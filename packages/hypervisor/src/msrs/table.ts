import type { Clock } from '@vmbus/world'
import type { PartitionState } from '../state.ts'
import type { SyntheticTimers } from '../stimers.ts'
import type { CrashReport, GuestMemory, LocalApics, PartitionFeatures } from '../types.ts'

/** One synthetic MSR. What is absent is a #GP: a register without `write` is read-only. */
interface Msr {
  read?(vp: number, out: Uint32Array): void
  /** Words are unsigned. False is a #GP, and then nothing has changed. */
  write?(vp: number, low: number, high: number): boolean
}

/** The registers that this partition's privileges give its guest: what is not in it is a #GP. */
export type MsrTable = Map<number, Msr>

/** What registers act on. */
export interface MsrContext {
  readonly state: PartitionState
  readonly features: PartitionFeatures
  readonly memory: GuestMemory
  readonly clock: Clock
  readonly timers: SyntheticTimers
  /** Instructions at the start of the hypercall page. */
  readonly hypercallCode: Uint8Array
  readonly apic: LocalApics | undefined
  readonly tscOrigin: bigint | undefined
  /** Tries to deliver whatever waits for a SINT of this VP; all SINTs with -1. */
  retry(vp: number, sint: number): void
  readonly crashed: ((report: CrashReport) => void) | undefined
  readonly reset: (() => void) | undefined
  readonly idle: ((vp: number) => void) | undefined
}
