import type { Host } from '@vmbus/host'
import type { HostMachine } from '@vmbus/machine-v86'

/** A device as a run's owner handles it from outside of the machine's worker. All values that cross are plain. */
export interface RealDevice {
  /** What the owner can ask of it: `call('kind.action', argument)`. */
  readonly actions?: Readonly<Record<string, (argument: unknown) => unknown>>
  /** What was measured, for the run's result. */
  result?(): unknown
  /** State of its backend, beside what the bus saves of the device. */
  save?(): unknown
  /** Throws StateError, and has touched nothing, for what is no state of this backend. */
  checkState?(state: unknown): void
  /** Takes a state that it has looked at. */
  restore?(state: unknown): void
  /** Gives up the files and sockets of its backend. Called once, last. */
  close?(): void
  /** Freezes its disks as they are: what is written from now on goes to differencing images. All of them, or throws. */
  checkpoint?(): void
  /** Why a run with it is not repeatable, when it is not. */
  readonly notDeterministic?: string | undefined
}

/** Offers a device on a host; undefined when that version of the host does not have it. `others` are all of the host's. */
export type RealDeviceFactory = (
  host: Host,
  options: unknown,
  machine: HostMachine,
  others: ReadonlyMap<string, RealDevice>,
) => RealDevice | undefined

/** Each, even when another one cannot be closed; throws what the first of those threw. */
export function closeAll(all: Iterable<{ close?(): void }>): void {
  const errors: unknown[] = []
  for (const each of all) {
    try {
      each.close?.()
    } catch (error) {
      errors.push(error)
    }
  }
  if (errors.length > 0) throw errors[0]
}
