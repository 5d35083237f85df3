import type { OurEnd } from '../../probes/ends.ts'
import type { Probe } from '../../probes/probe.ts'
import type { StageMemory } from '../../probes/stage.ts'
import type { RealLife } from './life.ts'
import type { Wire } from './net.ts'
import type { Shell } from './shell.ts'

/** What the parts of a real stage share. */
export interface RealContext {
  readonly probe: Probe
  readonly ends: readonly OurEnd[]
  readonly shell: Shell
  readonly wire: Wire
  /** On the host that the guest is on now. */
  life: RealLife
  /** What is done while the guest stands still for a backup. */
  snapshot: () => boolean | 'later'
  /** Memory before the drivers of the bus were loaded. */
  before: StageMemory
}
