import { writeFile } from 'node:fs/promises'
import { boot, type Guest, type ImageSource } from '@vmbus/machine-v86'
import pc from 'picocolors'
import { bootReport, type BootReport, type RealHostResult } from '../../real/boot-report.ts'
import type { RealHostOptions } from '../../real/host-module.ts'
import type { Streams } from '../../streams.ts'
import { bootPlan, type BootFlags, type BootPlan } from './boot-flags.ts'
import { eventLines } from './event-line.ts'
import { OutputError, VerbError, codeOf } from '../failure.ts'
import { memoryFor, modulesFor, packagesFor, startServices } from './guest-setup.ts'
import { converse } from './interactive.ts'
import type { OutputFile } from '../output-file.ts'
import { runScript } from './script.ts'
import type { Stage } from './verb-steps.ts'

export { DEFAULT_DURATION, type BootFlags } from './boot-flags.ts'

/** Where a run writes, and what ends it. */
export interface BootContext {
  readonly streams: Streams
  readonly signal: AbortSignal
  /** Ends the run as `signal` does. */
  interrupt(): void
}

/** Runs in the machine's worker; beside this file, from source and once built. */
const HOST_MODULE = new URL(`../../real/host-module${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Guest seconds that a guest may take to power off when asked. */
const SHUTDOWN_SECONDS = 30

type Progress = (text: string) => void

async function powerOff(guest: Guest, progress: Progress): Promise<void> {
  if ((await guest.result()).end !== undefined) return
  const answer = await guest.call('shutdown.request', {}).catch(() => 'not-connected')
  progress(`asked the guest to power off: ${String(answer)}`)
  if (answer === 'sent') await guest.ended({ seconds: SHUTDOWN_SECONDS }).catch(() => undefined)
}

/** Lets the guest run for a time, or drives it by verbs. */
async function drive(guest: Guest, how: BootPlan['drive'], context: BootContext, progress: Progress): Promise<void> {
  const { streams, signal, interrupt } = context
  const stage: Stage = { guest, say: (text) => streams.out(`${text}\n`) }
  if (how === 'interactive') return converse(stage, { input: process.stdin, output: process.stderr, signal, interrupt })
  return 'script' in how ? runScript(stage, how.script, progress) : guest.run(how.seconds)
}

function bootGuest(plan: BootPlan, context: BootContext, progress: Progress): Promise<Guest> {
  const { profile, kinds, image, seed, trace } = plan
  const options: RealHostOptions = {
    profile: profile.id,
    devices: Object.fromEntries(kinds.map((kind) => [kind, {}])),
    ...(trace === undefined ? {} : { traceFile: trace.path }),
  }
  const memoryMB = memoryFor(kinds)
  return boot({
    image,
    ...(memoryMB === undefined ? {} : { memoryMB }),
    modules: modulesFor(kinds),
    packages: packagesFor(kinds),
    seed,
    host: { module: HOST_MODULE, options, snapshotKey: profile.id },
    onEvent: eventLines(progress),
    onProgress: progress,
    ...(plan.quiet ? {} : { onConsole: (text: string) => context.streams.out(text) }),
    signal: context.signal,
  })
}

interface Ran {
  readonly report: BootReport
  /** What a line of a script could not do. */
  readonly failed: VerbError | undefined
  readonly traceError: string | undefined
}

/** Boots a real kernel on a host, drives it, asks it to power off, and measures. */
async function run(plan: BootPlan, context: BootContext, progress: Progress): Promise<Ran> {
  progress(`${describe(plan.image)} on ${plan.profile.name}, seed ${plan.seed}`)
  await using guest = await bootGuest(plan, context, progress)
  let failed: VerbError | undefined
  try {
    if (guest.image.agent) await startServices(guest, plan.kinds)
    await drive(guest, plan.drive, context, progress).catch((error: unknown) => {
      // What a line of a script could not do is told after the report of what was done.
      if (!(error instanceof VerbError)) throw error
      failed = error
    })
    context.signal.throwIfAborted()
    await powerOff(guest, progress)
  } catch (error) {
    // A guest that ends early is told by the report; anything else is not ours to hide.
    if (codeOf(error) !== 'VMBUS_MACHINE_ENDED') throw error
  }
  const result = await guest.result()
  context.signal.throwIfAborted()
  return {
    report: bootReport(plan.profile.id, result),
    failed,
    traceError: (result.host as RealHostResult).traceError,
  }
}

/** Lets what was measured appear. What cannot be written keeps nothing else from being written. */
async function keepFiles({ report, traceError }: Ran, { json, trace }: BootPlan): Promise<OutputError[]> {
  const errors: OutputError[] = []
  const keep = async (file: OutputFile, write: () => Promise<void>): Promise<void> => {
    try {
      await write()
    } catch (error) {
      return void errors.push(new OutputError(file.name, error))
    }
    await file.keep().catch((error: OutputError) => void errors.push(error))
  }
  if (json !== undefined) await keep(json, () => writeFile(json.path, `${JSON.stringify(report, undefined, 2)}\n`))
  if (trace !== undefined)
    await keep(trace, () => (traceError === undefined ? Promise.resolve() : Promise.reject(new Error(traceError))))
  return errors
}

/**
 * One `vmbus boot`: says what it does and what came out, writes its files, and returns what there is to complain of. A reader
 * that goes away ends a run that was to be read; one whose report or transcript is wanted goes on.
 */
export async function runBoot(flags: BootFlags, context: BootContext): Promise<readonly unknown[]> {
  const { streams } = context
  const plan = await bootPlan(flags)
  try {
    const hasFiles = plan.json !== undefined || plan.trace !== undefined
    const ends = hasFiles || streams.gone === undefined ? [context.signal] : [context.signal, streams.gone]
    const progress: Progress = (text) => streams.err(`${pc.cyan('vmbus')} ${text}\n`)
    const ran = await run(plan, { ...context, signal: AbortSignal.any(ends) }, progress)
    const unwritten = await keepFiles(ran, plan)
    streams.out(printBoot(ran.report))
    return [...(ran.failed === undefined ? [] : [ran.failed]), ...unwritten]
  } finally {
    for (const file of [plan.json, plan.trace]) await file?.drop()
  }
}

function describe(image: ImageSource): string {
  if ('release' in image) return `${image.release} ${image.flavour ?? '686'}`
  return 'deb' in image ? image.deb : image.kernel
}

/** The report for a person. */
function printBoot(report: BootReport): string {
  const colour = report.outcome === 'works' ? pc.green : pc.red
  const lines = [
    `${colour(report.outcome)}: ${report.reason}`,
    `  image         ${report.image}`,
    `  userland      ${report.userland}`,
    `  host          ${report.host}`,
    `  vmbus         ${report.vmbus ?? 'not connected'}`,
    ...Object.entries(report.devices).map(([kind, measured]) => `  ${kind.padEnd(13)} ${JSON.stringify(measured)}`),
    `  counts        ${report.counts.messages} messages, ${report.counts.packets} packets, ${report.counts.signals} signals, ${report.counts.interrupts} interrupts`,
    `  guest time    ${report.virtualSeconds.toFixed(1)} s, ${report.instructions} instructions, ended with ${report.end ?? 'nothing: still running'}`,
    `  repeatable    ${report.deterministic ? `yes, seed ${report.seed}` : `no: ${report.notDeterministicBecause ?? 'unknown'}`}`,
    `  transcript    ${report.transcriptSha256}`,
    `  guest RAM     ${report.ramSha256}`,
  ]
  return `${lines.join('\n')}\n`
}
