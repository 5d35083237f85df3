import type { HostProfile } from '@vmbus/host'
import {
  bootSession,
  resumeSession,
  type Emulator,
  type PreparedImage,
  type Session,
  type SessionOptions,
} from '@vmbus/machine-v86'
import { seeded } from '@vmbus/world'
import type { OurEnd } from '../../probes/ends.ts'
import type { ProbeMachine } from '../../probes/probe.ts'
import { newMedium } from '../devices.ts'
import { lazy } from '../lazy.ts'
import type { Watch } from '../measured-stage.ts'
import { recorder } from '../transcript.ts'
import { realHost, type RealHost, type RealHostOptions, type Storage } from './host.ts'
import { prepareScript } from './kernels.ts'

/** RAM of every guest: what dynamic memory can take of it is above what Linux keeps for itself. */
export const MEMORY_MB = 256

/** A kernel that is prepared, and what runs it. */
interface RealMachine {
  readonly emulator: Emulator
  readonly image: PreparedImage
}

export interface RealLifeOptions extends RealMachine {
  readonly profile: HostProfile
  readonly ends: readonly OurEnd[]
  readonly seed: number
  readonly interruptDelay?: ProbeMachine['interruptDelay'] | undefined
  readonly watch?: Pick<Watch, 'crossed'> | undefined
}

/** One real kernel on one host, from its command agent on; the drivers of the bus are not loaded yet. */
export interface RealLife {
  readonly session: Session
  readonly own: RealHost
  readonly storage: Storage
  /** A backup waits for its snapshot. */
  readonly pending: { snapshot: boolean }
}

function storageOf(clock: RealHostClock, watch: RealLifeOptions['watch']): Storage {
  const [storvsc, fc] = [lazy(() => newMedium('storvsc')), lazy(() => newMedium('fc'))]
  return {
    medium: (end) => (end === 'fc' ? fc() : storvsc()),
    provided: new Map(),
    answers: new Map(),
    heard: new Map(),
    opened: new Set(),
    transcript: recorder({ now: () => clock.now(), fileTime: () => clock.fileTime() }, watch?.crossed),
  }
}

type RealHostClock = Parameters<typeof recorder>[0]

/** Session options whose host is made anew in each life of a machine; the last one is in `made`. */
function sessionOptions(
  { emulator, image, profile, ends, seed, interruptDelay, watch }: RealLifeOptions,
  storage: Storage | undefined,
): { readonly options: SessionOptions; readonly made: () => Omit<RealLife, 'session'> } {
  let last: Omit<RealLife, 'session'> | undefined
  const options: SessionOptions = {
    emulator,
    image,
    memoryMB: MEMORY_MB,
    seed: seeded(seed).u32('world'),
    host(machine) {
      const pending = { snapshot: false }
      const of = storage ?? storageOf(machine.clock, watch)
      const hostOptions: RealHostOptions = {
        profile,
        ends,
        seed,
        storage: of,
        interruptDelay,
        snapshotWanted: () => void (pending.snapshot = true),
      }
      last = { own: realHost(hostOptions, machine), storage: of, pending }
      return last.own.hooks
    },
  }
  return {
    options,
    made() {
      if (last === undefined) throw new Error('a session without its host')
      return last
    },
  }
}

/** Goes on from the kept snapshot of this kernel on this host. Rejects with MachineError. */
export async function beginRealLife(options: RealLifeOptions): Promise<RealLife> {
  const { options: of, made } = sessionOptions(options, undefined)
  const session = await bootSession(of, { snapshotKey: options.profile.id, prepare: prepareScript(options.image) })
  return { session, ...made() }
}

/** The same guest on another host: saved on the one now, and restored on the other. */
export function movedLife(options: RealLifeOptions, from: RealLife): RealLife {
  const snapshot = from.session.snapshot()
  const { options: of, made } = sessionOptions(options, from.storage)
  const session = resumeSession({ ...of, from: snapshot })
  return { session, ...made() }
}
