import type { HostProfile } from '@vmbus/host'
import { loadEmulator, type Emulator, type PreparedImage } from '@vmbus/machine-v86'
import type { Execution } from '@vmbus/report'
import type { MatrixGuest } from '../guests/types.ts'
import type { Probe } from '../probes/probe.ts'
import type { Registry } from '../registry/registry.ts'
import { meet } from '../worlds/contact.ts'
import { hasNeeded } from '../worlds/hosts.ts'
import { kernelNamed } from '../worlds/real/kernels.ts'
import { isOwn } from '../worlds/own-devices.ts'
import { endsOf } from '../worlds/worlds.ts'
import { realStage } from '../worlds/real/stage.ts'
import type { Watch } from '../worlds/measured-stage.ts'
import { played, NOTHING } from './execute.ts'
import { NOT_REAL_TEXT } from './not-real.ts'

/** What runs real kernels in one thread: the emulator and the images that were used, loaded once. */
export interface Kernels {
  emulator(): Promise<Emulator>
  image(kernel: string): Promise<PreparedImage>
}

export function createKernels(): Kernels {
  let emulator: Promise<Emulator> | undefined
  const images = new Map<string, Promise<PreparedImage>>()
  return {
    emulator: () => (emulator ??= loadEmulator()),
    image(kernel) {
      const found = images.get(kernel) ?? kernelNamed(kernel)
      images.set(kernel, found)
      return found
    },
  }
}

export interface ExecuteRealOptions {
  readonly id: string
  readonly probe: Probe
  /** What stands for the release when it is simulated. */
  readonly guest: MatrixGuest
  readonly profile: HostProfile
  readonly registry: Registry
  readonly seed: number
  readonly runs: number
  /** The image's name. */
  readonly kernel: string
  readonly kernels: Kernels
  readonly watch?: Watch | undefined
}

/** Plays a probe once on a real kernel, on the whole host. Rejects when the kernel cannot be had or does not come up. */
export async function executeReal(options: ExecuteRealOptions): Promise<Execution> {
  const { id, probe, profile, registry, seed, kernel, kernels } = options
  const head = { id, probe: probe.id, kernel }
  const { needs } = probe
  const notReal = probe.notReal ?? (endsOf(probe).some(isOwn) ? 'own-device' : undefined)
  if (needs !== undefined && meet(options.guest, profile) && !hasNeeded(profile, registry.hostFields(profile), probe)) {
    const decidedBy = { of: 'host', field: needs.field } as const
    return { ...head, outcome: 'not-offered', reason: needs.reason, decidedBy, seed, runs: 0, ...NOTHING }
  }
  if (notReal !== undefined)
    return { ...head, outcome: 'not-run', reason: NOT_REAL_TEXT[notReal], notReal, seed, runs: 0, ...NOTHING }
  const [emulator, image] = await Promise.all([kernels.emulator(), kernels.image(kernel)])
  const stage = await realStage({ ...options, emulator, image })
  const missing = [probe.missing, probe.realMissing].filter((part) => part !== undefined).join('; ')
  return { ...head, ...(await played(missing === '' ? probe : { ...probe, missing }, stage, seed)) }
}
