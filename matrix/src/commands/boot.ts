import { open, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { boot, type Guest, type HostEvent, type ImageSource, type ReleaseName } from '@vmbus/machine-v86'
import pc from 'picocolors'
import type { RealHostOptions } from '../real/host-module.ts'
import { bootReport, type BootReport } from '../real/boot-report.ts'
import { duration, oneOf, profileOf, seedOf } from './arguments.ts'
import type { Streams } from '../main.ts'
import { UsageError, VerbError, failure } from './failure.ts'
import { deviceKinds, memoryFor, modulesFor, packagesFor, startServices } from './guest-setup.ts'
import { eventLine } from './event-line.ts'
import { readScript, runScript, type Line } from './script.ts'
import type { Stage } from './verb-steps.ts'
import { readLine, verbsHelp } from './verbs.ts'

/** The options of `vmbus boot` as commander reads them. */
export interface BootFlags {
  readonly release?: string
  readonly deb?: string
  readonly kernel?: string
  readonly initrd?: string
  readonly flavour?: string
  readonly host: string
  readonly seed: string
  readonly for?: string
  readonly trace?: string
  readonly json?: string
  readonly quiet?: boolean
  readonly devices?: string
  readonly script?: string
  readonly interactive?: boolean
}

const RELEASES = ['debian-11', 'debian-12'] as const satisfies readonly ReleaseName[]
const FLAVOURS = ['686', '686-pae', 'rt-686-pae'] as const

/** Runs in the machine's worker; beside this file, from source and once built. */
const HOST_MODULE = new URL(`../real/host-module${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Guest time to run when nothing else is said. */
export const DEFAULT_DURATION = '60s'

/** Guest seconds that a guest may take to power off when asked. */
const SHUTDOWN_SECONDS = 30

function imageSource(flags: BootFlags): ImageSource {
  if (flags.initrd !== undefined && flags.kernel === undefined)
    throw new UsageError('--kernel and --initrd go together')
  const given = [flags.release, flags.deb, flags.kernel].filter((value) => value !== undefined)
  if (given.length !== 1) throw new UsageError('give one of --release, --deb, or --kernel with --initrd')
  if (flags.release !== undefined)
    return {
      release: oneOf('release', RELEASES, flags.release),
      flavour: oneOf('flavour', FLAVOURS, flags.flavour ?? '686'),
    }
  if (flags.flavour !== undefined) throw new UsageError('--flavour goes with --release')
  if (flags.deb !== undefined) return { deb: flags.deb }
  if (flags.kernel === undefined || flags.initrd === undefined)
    throw new UsageError('--kernel and --initrd go together')
  return { kernel: flags.kernel, initrd: flags.initrd }
}

type Progress = (text: string) => void

/** What of the host's events is worth a line while a guest runs. */
function tell(progress: Progress, event: HostEvent): void {
  if (event.name !== 'heartbeat:beat' && event.name !== 'timesync:sample') progress(eventLine(event))
}

/** Finds out before a run, and not after it, that its results cannot be written. */
async function checkWritable(path: string | undefined): Promise<void> {
  if (path === undefined) return
  try {
    await (await open(path, 'a')).close()
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function powerOff(guest: Guest, progress: Progress): Promise<void> {
  if ((await guest.result()).end !== undefined) return
  const answer = await guest.call('shutdown.request', {}).catch(() => 'not-connected')
  progress(`asked the guest to power off: ${String(answer)}`)
  if (answer === 'sent') await guest.ended({ seconds: SHUTDOWN_SECONDS }).catch(() => undefined)
}

/** Reads verbs until `quit`, the end of input or of the guest. A line that fails is told, and the next is read. */
async function converse(stage: Stage, signal: AbortSignal): Promise<void> {
  stage.say(`${verbsHelp()}\n  ${'quit'.padEnd(40)} power off and leave`)
  const lines = createInterface({ input: process.stdin, output: process.stderr, prompt: 'vmbus> ', signal })
  lines.prompt()
  for await (const line of lines) {
    if (line.trim() === 'quit') break
    try {
      await readLine(line)(stage)
    } catch (error) {
      stage.say(failure(error).line)
      if (error instanceof Error && 'code' in error && error.code === 'VMBUS_MACHINE_ENDED') break
    }
    lines.prompt()
  }
  lines.close()
}

/** Lets the guest run for a time, or drives it by verbs. */
async function drive(
  guest: Guest,
  how: { readonly script?: readonly Line[]; readonly interactive: boolean; readonly seconds: number },
  streams: Streams,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const stage: Stage = { guest, say: (text) => streams.out(`${text}\n`) }
  if (how.script !== undefined) return runScript(stage, how.script, progress)
  if (how.interactive) return converse(stage, signal)
  return guest.run(how.seconds)
}

const guestIsGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'VMBUS_MACHINE_ENDED'

/** Boots a real kernel on a host, drives it, asks it to power off, and tells what was measured. */
export async function runBoot(flags: BootFlags, streams: Streams, signal: AbortSignal): Promise<BootReport> {
  const profile = profileOf(flags.host)
  const seed = seedOf(flags.seed)
  const seconds = duration(flags.for ?? DEFAULT_DURATION)
  const kinds = deviceKinds(flags.devices)
  const image = imageSource(flags)
  const interactive = flags.interactive === true
  if ([flags.for, flags.script, flags.interactive].filter((value) => value !== undefined).length > 1)
    throw new UsageError('give one of --for, --script and --interactive')
  const script = flags.script === undefined ? undefined : await readScript(flags.script)
  for (const path of [flags.json, flags.trace]) await checkWritable(path)
  const progress: Progress = (text) => streams.err(`${pc.cyan('vmbus')} ${text}\n`)
  progress(`${describe(image)} on ${profile.name}, seed ${seed}`)
  const options: RealHostOptions = {
    profile: profile.id,
    devices: Object.fromEntries(kinds.map((kind) => [kind, {}])),
    ...(flags.trace === undefined ? {} : { traceFile: flags.trace }),
  }
  const memoryMB = memoryFor(kinds)
  await using guest = await boot({
    image,
    ...(memoryMB === undefined ? {} : { memoryMB }),
    modules: modulesFor(kinds),
    packages: packagesFor(kinds),
    seed,
    host: { module: HOST_MODULE, options, snapshotKey: `matrix ${profile.id} ${kinds.join(' ')}` },
    onEvent: (event) => tell(progress, event),
    onProgress: progress,
    ...(flags.quiet === true ? {} : { onConsole: (text: string) => streams.out(text) }),
    signal,
  })
  let failed: VerbError | undefined
  try {
    if (guest.image.agent) await startServices(guest, kinds)
    const how = { interactive, seconds, ...(script === undefined ? {} : { script }) }
    await drive(guest, how, streams, progress, signal).catch((error: unknown) => {
      // What a line of a script could not do is told after the report of what was done.
      if (!(error instanceof VerbError)) throw error
      failed = error
    })
    await powerOff(guest, progress)
  } catch (error) {
    // A guest that ends early is told by the report; anything else is not ours to hide.
    if (!guestIsGone(error)) throw error
  }
  const report = bootReport(profile.id, await guest.result())
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`)
  if (failed !== undefined) {
    streams.out(printBoot(report))
    throw failed
  }
  return report
}

function describe(image: ImageSource): string {
  if ('release' in image) return `${image.release} ${image.flavour ?? '686'}`
  return 'deb' in image ? image.deb : image.kernel
}

/** The report for a person. */
export function printBoot(report: BootReport): string {
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
