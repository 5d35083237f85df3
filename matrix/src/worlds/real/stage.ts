import type { MatrixGuest } from '../../guests/types.ts'
import { ProbeError } from '../../probes/errors.ts'
import type { Probe } from '../../probes/probe.ts'
import type { StageDisk } from '../../probes/stage.ts'
import { OURS, type Registry } from '../../registry/registry.ts'
import { FABRIC } from '../devices.ts'
import { drawingOf } from '../drawing.ts'
import { nextHost } from '../hosts.ts'
import type { MeasuredStage, StageServices, Watch } from '../measured-stage.ts'
import { isOwn } from '../own-devices.ts'
import { processorsOf } from '../processors.ts'
import { stageRecord } from '../stage-record.ts'
import { view } from '../view.ts'
import { endsOf } from '../worlds.ts'
import { clockOffset } from './clock.ts'
import type { RealContext } from './context.ts'
import { disksOf, realDisk } from './disk.ts'
import { realEnds } from './ends.ts'
import { jobsOf, type Jobs } from './jobs.ts'
import { beginRealLife, MEMORY_MB, movedLife, type RealLifeOptions } from './life.ts'
import { wireOf } from './net.ts'
import { memoryNow, realFiles, realKeyValues, realListed, realMemory, realPorts } from './services.ts'
import { shellOf, type Shell } from './shell.ts'
import { comeUp, isFrozen } from './up.ts'
import { realWaits } from './waits.ts'

export interface RealStageOptions extends Omit<RealLifeOptions, 'ends' | 'watch'> {
  readonly probe: Probe
  /** What stands for the release when it is simulated: its values tell what decided. */
  readonly guest: MatrixGuest
  readonly registry?: Registry
  /** Values that each property draws. */
  readonly runs: number
  readonly watch?: Watch | undefined
}

const PAGES_PER_MIB = 256

/** A stage on which a real kernel plays, in this thread. */
export async function realStage(options: RealStageOptions): Promise<MeasuredStage> {
  const { probe, guest, profile, registry = OURS } = options
  const offered = endsOf(probe).filter((end) => !isOwn(end))
  const own: RealLifeOptions = { ...options, ends: offered, interruptDelay: probe.machine?.interruptDelay }
  const life = await beginRealLife(own)
  const shell = shellOf(() => ctx.life.session)
  const ctx: RealContext = {
    probe,
    ends: offered,
    shell,
    wire: wireOf(shell),
    life,
    snapshot: () => true,
    before: { total: 0, available: 0, ballooned: 0 },
  }
  const { jobs, leave } = jobsOf(shell)
  const waits = realWaits(ctx)
  const ends = realEnds(ctx, waits.until)
  const drawing = drawingOf(options)

  return {
    family: guest.family,
    kind: 'real',
    guest: view('guest', guest.fields, probe.reads[guest.family]),
    host: view('host', registry.hostFields(profile), probe.reads.host),
    async connect() {
      ctx.before = memoryNow(shell)
      return await Promise.resolve(comeUp(ctx.life, offered, probe.machine?.clockAhead ?? 0, shell))
    },
    ...ends,
    processors: () => processorsOf(ctx.life.own.host),
    mostProcessors: 1,
    bootPages: MEMORY_MB * PAGES_PER_MIB,
    migrate() {
      leave()
      ctx.wire.pump()
      const from = ctx.life
      ctx.life = movedLife({ ...own, profile: nextHost(profile) }, from)
      from.session.close()
    },
    ...waits,
    get disks() {
      return disksOf(shell).map((_, index) => diskAt(index, shell, jobs))
    },
    disk: () => diskAt(0, shell, jobs),
    ...realServices(ctx),
    poweredOff: async (seconds) => {
      await waits.until(() => ctx.life.session.end !== undefined, seconds)
      return ctx.life.session.end === 'poweroff'
    },
    get lan() {
      return ctx.life.own.lan()
    },
    fabric: FABRIC,
    property: drawing.property,
    get drawn() {
      return drawing.drawn
    },
    ended() {
      ctx.life.session.close()
      return stageRecord(ctx.life.storage.transcript, registry.devices, offered, ends.instanceOf)
    },
  }
}

const diskAt = (index: number, shell: Shell, jobs: Jobs): StageDisk =>
  realDisk(
    () => {
      const name = disksOf(shell)[index]
      if (name === undefined) throw new ProbeError('the guest has no such disk')
      return name
    },
    shell,
    jobs,
  )

/** What a real guest's system shows of itself. */
const realServices = (ctx: RealContext): StageServices => ({
  net: () => ctx.wire.net('eth0'),
  keyValues: () => realKeyValues(ctx.shell),
  memory: () => realMemory(ctx.shell, ctx.before, () => ctx.life.own.device('balloon')?.balloonedPages ?? 0),
  clock() {
    const { clock } = ctx.life.session.machine
    const host = (): bigint => clock.fileTime()
    const off = (): number => clockOffset(ctx.shell, ctx.life.own, clock)
    return { guest: () => host() + BigInt(Math.round(off())), host, off }
  },
  files: () => ({
    ...realFiles(ctx.shell),
    provide: (source, contents) => void ctx.life.storage.provided.set(source, contents),
  }),
  backup: () => ({
    get frozen() {
      return isFrozen(ctx.shell)
    },
    onSnapshot: (take) => void (ctx.snapshot = take),
  }),
  listed: () => realListed(ctx.shell),
  ports: () => realPorts(ctx.shell),
})
