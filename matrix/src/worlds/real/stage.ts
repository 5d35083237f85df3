import { seeded, TICKS_PER_SECOND } from '@vmbus/world'
import type { MatrixGuest } from '../../guests/types.ts'
import type { HostDevice } from '@vmbus/core'
import type { Answers, EndName, Ends, OurEnd, OwnDevice } from '../../probes/ends.ts'
import { ProbeError } from '../../probes/errors.ts'
import { draw } from '../../probes/property.ts'
import type { Probe } from '../../probes/probe.ts'
import type { StageDisk, StageMemory } from '../../probes/stage.ts'
import { OURS, type Registry } from '../../registry/registry.ts'
import { FABRIC } from '../devices.ts'
import { nextHost } from '../hosts.ts'
import { exchangeOf } from '../exchange.ts'
import { processorsOf, type SimulatedStage, type Watch } from '../simulated.ts'
import { isOwn } from '../own-devices.ts'
import { crossed } from '../transcript.ts'
import { view } from '../view.ts'
import { endsOf } from '../worlds.ts'
import { clockOffset } from './clock.ts'
import { disksOf, realDisk, type Jobs } from './disk.ts'
import { beginRealLife, MEMORY_MB, movedLife, type RealLife, type RealLifeOptions } from './life.ts'
import { wireOf } from './net.ts'
import { memoryNow, realFiles, realKeyValues, realListed, realMemory, realPorts } from './services.ts'
import { shellOf, ticks, type Shell } from './shell.ts'
import { comeUp, isFrozen } from './up.ts'
import { tracedWith } from '../traced.ts'

export interface RealStageOptions extends Omit<RealLifeOptions, 'ends' | 'watch'> {
  readonly probe: Probe
  /** What stands for the release when it is simulated: its values tell what decided. */
  readonly guest: MatrixGuest
  readonly registry?: Registry
  /** Values that each property draws. */
  readonly runs: number
  readonly watch?: Watch | undefined
}

/** Pauses between two looks of a wait, in seconds: a look that asks the guest costs more than a second of its idle time. */
const FIRST_PAUSE = 0.02
const LONGEST_PAUSE = 0.5
const PAUSE_GROWTH = 1.6
const ANSWER_SECONDS = 300
const JOB_SECONDS = 200
const PAGES_PER_MIB = 256

/** A stage on which a real kernel plays, in this thread. */
export async function realStage(options: RealStageOptions): Promise<SimulatedStage> {
  const { probe, guest, profile, registry = OURS, seed, runs } = options
  const ends = endsOf(probe).filter((end) => !isOwn(end))
  const own: RealLifeOptions = { ...options, ends, interruptDelay: probe.machine?.interruptDelay }
  let life: RealLife = await beginRealLife(own)
  let drawn = 0
  let takeSnapshot = (): boolean | 'later' => true
  let before: StageMemory = { total: 0, available: 0, ballooned: 0 }
  const shell = shellOf(() => life.session)
  const wire = wireOf(shell)
  const { jobs, leave } = jobsOf(shell)

  const named = (end: EndName): OurEnd => {
    const found = ends.find((each) => each === end)
    if (found !== undefined) return found
    throw new ProbeError(`the probe ${probe.id} uses ${end}, which it does not name`)
  }
  const instanceOf = (end: EndName): string => {
    return life.own.specs[named(end)]().offer.instanceId
  }

  function device<E extends OurEnd>(end: E): Ends[E]
  function device<D extends HostDevice>(own: OwnDevice<D>): D
  function device(end: OurEnd | OwnDevice): HostDevice {
    const name = named(typeof end === 'string' ? end : end.id)
    const found = life.own.device(name)
    if (found === undefined) throw new ProbeError(`the host offers no ${name}`)
    return found
  }

  /** What waits for the guest, or for its host, between two looks. */
  function pump(): void {
    if (life.session.end !== undefined) return
    wire.pump()
    if (!life.pending.snapshot) return
    life.pending.snapshot = false
    const taken = takeSnapshot()
    if (taken !== 'later') life.own.device('vss')?.snapshotDone(taken)
  }

  async function until(what: () => boolean, seconds = 60): Promise<boolean> {
    await Promise.resolve()
    const deadline = shell.now + ticks(seconds)
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * PAUSE_GROWTH, LONGEST_PAUSE)) {
      pump()
      if (what()) return true
      const left = (deadline - shell.now) / TICKS_PER_SECOND
      if (left <= 0 || life.session.end !== undefined) return false
      shell.pass(Math.min(pause, left))
    }
  }

  async function run(seconds: number): Promise<void> {
    await Promise.resolve()
    pump()
    shell.pass(seconds)
    pump()
  }

  const diskAt = (index: number): StageDisk =>
    realDisk(
      () => {
        const name = disksOf(shell)[index]
        if (name === undefined) throw new ProbeError('the guest has no such disk')
        return name
      },
      shell,
      jobs,
    )

  return {
    family: guest.family,
    kind: 'real',
    guest: view('guest', guest.fields, probe.reads[guest.family]),
    host: view('host', registry.hostFields(profile), probe.reads.host),
    async connect() {
      before = memoryNow(shell)
      return await Promise.resolve(comeUp(life, ends, probe.machine?.clockAhead ?? 0, shell))
    },
    offers(end) {
      return life.own.device(named(end)) !== undefined
    },
    drives: (end) => life.storage.opened.has(instanceOf(end)),
    device,
    async answer<N extends keyof Answers>(event: N, id: number): Promise<Answers[N] | undefined> {
      const { answers } = life.storage
      const key = `${event} ${id}`
      await until(() => answers.has(key), ANSWER_SECONDS)
      const detail = answers.get(key)
      answers.delete(key)
      // The ends say with which event they answer: `Answers` has their types.
      return detail as Answers[N] | undefined
    },
    instanceOf,
    heard: (event) => life.storage.heard.get(event) ?? 0,
    processors: () => processorsOf(life.own.host),
    mostProcessors: 1,
    bootPages: MEMORY_MB * PAGES_PER_MIB,
    migrate() {
      leave()
      wire.pump()
      const from = life
      life = movedLife({ ...own, profile: nextHost(profile) }, from)
      from.session.close()
    },
    run,
    until,
    get disks() {
      return disksOf(shell).map((_, index) => diskAt(index))
    },
    disk: () => diskAt(0),
    net: () => wire.net('eth0'),
    keyValues: () => realKeyValues(shell),
    memory: () => realMemory(shell, before, () => life.own.device('balloon')?.balloonedPages ?? 0),
    clock() {
      const { clock } = life.session.machine
      const host = (): bigint => clock.fileTime()
      const off = (): number => clockOffset(shell, life.own, clock)
      return { guest: () => host() + BigInt(Math.round(off())), host, off }
    },
    files: () => ({
      ...realFiles(shell),
      provide: (source, contents) => void life.storage.provided.set(source, contents),
    }),
    backup: () => ({
      get frozen() {
        return isFrozen(shell)
      },
      onSnapshot: (take) => void (takeSnapshot = take),
    }),
    listed: () => realListed(shell),
    poweredOff: async (seconds) => {
      await until(() => life.session.end !== undefined, seconds)
      return life.session.end === 'poweroff'
    },
    get lan() {
      return life.own.lan()
    },
    medium: (end) => life.storage.medium(end),
    fabric: FABRIC,
    ports: () => realPorts(shell),
    async property(name, arbitrary, check) {
      const drawSeed = seeded(seed).u32('property', probe.id, name)
      const { end, runs: count, failure } = await draw({ seed: drawSeed, runs }, arbitrary, check)
      drawn += count
      if (failure !== undefined) options.watch?.failed(name, failure)
      return end
    },
    get drawn() {
      return drawn
    },
    ended() {
      life.session.close()
      const { transcript } = life.storage
      const traced = tracedWith(registry.devices)
      const { digest, bytesOf } = crossed(transcript, traced)
      const bytes = Object.fromEntries(ends.map((end) => [end, bytesOf(instanceOf(end))]))
      return { bytes, transcript: digest, exchange: exchangeOf(transcript, traced) }
    },
  }
}

/** What is asked of disks: done where the next await is, and left running where the guest moves before. */
function jobsOf(shell: Shell): { readonly jobs: Jobs; leave(): void } {
  let count = 0
  const waiting = new Map<number, string>()
  const path = (id: number): string => `/tmp/job.${id}`
  return {
    jobs: {
      async begin(script) {
        const id = ++count
        waiting.set(id, script)
        await Promise.resolve()
        if (waiting.delete(id)) return shell.run(script, JOB_SECONDS)
        const ended = `until [ -e ${path(id)}.end ]; do usleep 10000; done; cat ${path(id)}; exit $(cat ${path(id)}.end)`
        return shell.run(ended, JOB_SECONDS)
      },
    },
    leave() {
      for (const [id, script] of waiting) {
        waiting.delete(id)
        shell.run(`{ ( ${script} ) > ${path(id)}; echo $? > ${path(id)}.end; } >/dev/null 2>&1 &`)
      }
    },
  }
}
