import { writeFile } from 'node:fs/promises'
import { boot, type Guest, type HostEvent, type ImageSource, type ReleaseName } from '@vmbus/machine-v86'
import pc from 'picocolors'
import type { RealHostOptions } from '../real/host-module.ts'
import { bootReport, type BootReport } from '../real/boot-report.ts'
import { duration, oneOf, profileOf, seedOf } from './arguments.ts'
import type { Streams } from '../main.ts'
import { UsageError } from './failure.ts'

/** The options of `vmbus boot` as commander reads them. */
export interface BootFlags {
  readonly release?: string
  readonly deb?: string
  readonly kernel?: string
  readonly initrd?: string
  readonly flavour?: string
  readonly host: string
  readonly seed: string
  readonly for: string
  readonly trace?: string
  readonly json?: string
  readonly quiet?: boolean
}

const RELEASES = ['debian-11', 'debian-12'] as const satisfies readonly ReleaseName[]
const FLAVOURS = ['686', '686-pae', 'rt-686-pae'] as const

/** What the guest loads: the bus, and the components that hv_utils drives. */
const MODULES = ['hv_vmbus', 'hv_utils']

/** Runs in the machine's worker; beside this file, from source and once built. */
const HOST_MODULE = new URL(`../real/host-module${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

/** Guest seconds that a guest may take to power off when asked. */
const SHUTDOWN_SECONDS = 30

function imageSource(flags: BootFlags): ImageSource {
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
function tell(progress: Progress, { name, at, detail }: HostEvent): void {
  const seconds = (at / 1e7).toFixed(3)
  if (name === 'heartbeat:beat' || name === 'timesync:sample') return
  progress(`${pc.dim(`${seconds} s`)} ${name}${detail === undefined ? '' : ` ${pc.dim(JSON.stringify(detail))}`}`)
}

async function powerOff(guest: Guest, progress: Progress): Promise<void> {
  const answer = await guest.call('shutdown.request', {}).catch(() => 'not-connected')
  progress(`asked the guest to power off: ${String(answer)}`)
  if (answer === 'sent') await guest.ended({ seconds: SHUTDOWN_SECONDS }).catch(() => undefined)
}

/** Boots a real kernel on a host, lets it run, asks it to power off, and tells what was measured. */
export async function runBoot(flags: BootFlags, streams: Streams, signal: AbortSignal): Promise<BootReport> {
  const profile = profileOf(flags.host)
  const seed = seedOf(flags.seed)
  const seconds = duration(flags.for)
  const image = imageSource(flags)
  const progress: Progress = (text) => streams.err(`${pc.cyan('vmbus')} ${text}\n`)
  progress(`${describe(image)} on ${profile.name}, seed ${seed}`)
  const options: RealHostOptions = {
    profile: profile.id,
    ...(flags.trace === undefined ? {} : { traceFile: flags.trace }),
  }
  await using guest = await boot({
    image,
    modules: MODULES,
    seed,
    host: { module: HOST_MODULE, options, snapshotKey: `matrix ${profile.id}` },
    onEvent: (event) => tell(progress, event),
    ...(flags.quiet === true ? {} : { onConsole: (text: string) => streams.out(text) }),
    signal,
  })
  await guest.run(seconds).catch((error: unknown) => {
    // A guest that ends early is told by the report; anything else is not ours to hide.
    if (!(error instanceof Error && 'code' in error && error.code === 'VMBUS_MACHINE_ENDED')) throw error
  })
  await powerOff(guest, progress)
  const report = bootReport(profile.id, await guest.result())
  if (flags.json !== undefined) await writeFile(flags.json, `${JSON.stringify(report, undefined, 2)}\n`)
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
