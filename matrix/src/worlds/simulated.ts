import type { HostProfile } from '@vmbus/host'
import type { Outcome } from '@vmbus/report'
import { ProbeError } from '../probes/errors.ts'
import type { StageDisk } from '../probes/stage.ts'
import { OURS } from '../registry/registry.ts'
import { FABRIC } from './devices.ts'
import { drawingOf } from './drawing.ts'
import { beginLife, moved, type Life } from './life.ts'
import type { MeasuredStage } from './measured-stage.ts'
import { processorsOf } from './processors.ts'
import { simulatedEnds } from './simulated-ends.ts'
import { lifeOptions, nextProfile, ownFields, type SimulatedOptions } from './simulated-options.ts'
import { simulatedServices } from './simulated-services.ts'
import { stageRecord } from './stage-record.ts'
import { stageDisk, type Waits } from './surface.ts'
import { view } from './view.ts'
import { endsOf } from './worlds.ts'

/** As many virtual processors as a partition of ours has at most. */
const MOST_PROCESSORS = 2048
const BOOT_SECONDS = 120
/** From the last module to agreed versions on every channel. */
const SETTLE_SECONDS = 5

/** A stage on which a simulated guest plays. It is powered on when it is first needed. */
export function simulatedStage(options: SimulatedOptions): MeasuredStage {
  const { probe, guest, profile, registry = OURS } = options
  const reads: readonly string[] = probe.reads[guest.family]
  let begun: Life | undefined
  const own = lifeOptions(options, reads)
  const life = (): Life => (begun ??= beginLife(own))
  // The guest may have moved when it is asked again.
  const until: Waits = async (what, seconds) => {
    await Promise.resolve()
    return life().until(what, seconds)
  }
  const ends = simulatedEnds(probe, life, until)
  const drawing = drawingOf(options)

  return {
    family: guest.family,
    kind: 'simulated',
    guest: view('guest', ownFields(options), reads),
    host: view('host', registry.hostFields(profile), probe.reads.host),
    connect: () => connect(profile, life, until),
    ...ends,
    processors: () => processorsOf(life().attached),
    mostProcessors: MOST_PROCESSORS,
    get bootPages() {
      return life().bootPages
    },
    migrate() {
      begun = moved({ ...own, profile: nextProfile(options, own) }, life())
    },
    async run(seconds) {
      await until(() => false, seconds)
    },
    until,
    get disks() {
      return life().surface.disks.map((_, index) => diskAt(index, life, until))
    },
    disk: () => diskAt(0, life, until),
    ...simulatedServices(life),
    poweredOff: (seconds) => until(() => life().surface.guest.power === 'powered-off', seconds),
    get lan() {
      return life().lan()
    },
    fabric: FABRIC,
    property: drawing.property,
    get drawn() {
      return drawing.drawn
    },
    ended() {
      const { transcript, surface } = life()
      const record = stageRecord(transcript, registry.devices, endsOf(probe), ends.instanceOf)
      options.memories?.giveBack(surface.guest.memory)
      return record
    },
  }
}

const hasUefi = ({ fields }: HostProfile): boolean => fields.generations.value.includes(2)

/** Waits for a guest that comes up by itself. */
async function connect(profile: HostProfile, life: () => Life, until: Waits): Promise<Outcome | 'connected'> {
  const { surface } = life()
  if (surface.guest.generation.firmware !== undefined && !hasUefi(profile)) return 'not-offered'
  const failed = (): boolean => surface.guest.bus.phase === 'failed'
  if (!(await until(() => surface.guest.power === 'running' || failed(), BOOT_SECONDS))) return 'guest-hung'
  if (failed()) return 'fails'
  await until(() => false, SETTLE_SECONDS)
  return 'connected'
}

const diskAt = (index: number, life: () => Life, until: Waits): StageDisk =>
  stageDisk(() => {
    const found = life().surface.disks[index]
    if (found === undefined) throw new ProbeError('the guest has no such disk')
    return found
  }, until)
