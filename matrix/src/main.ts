import { readFileSync } from 'node:fs'
import { SNAPSHOT_CACHE_BYTES, defaultCacheFolder } from '@vmbus/machine-v86'
import { Command } from 'commander'
import { DEFAULT_DURATION, runBoot, type BootContext, type BootFlags } from './commands/boot.ts'
import { profileOf, seedOf } from './commands/arguments.ts'
import { evidenceTable } from './commands/evidence.ts'
import { failure } from './commands/failure.ts'
import { verbsHelp } from './commands/verbs.ts'
import { runGrid } from './grid/grid.ts'
import { printGrid } from './grid/print.ts'
import { ExitCode } from './results/vocabulary.ts'
import type { Streams } from './streams.ts'

export type { Streams }

/** What one run of the command has: where to write, what ends it, and what it has to complain of in the end. */
interface Run extends BootContext {
  readonly complaints: unknown[]
}

function versionText(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string
  }
  return version
}

/** Ends a run whose output is all that is wanted of it. */
const anyOf = ({ signal, streams: { gone } }: Run): AbortSignal =>
  gone === undefined ? signal : AbortSignal.any([signal, gone])

const isEndedBy = ({ reason }: AbortSignal, error: unknown): boolean =>
  error === reason || (error instanceof Error && error.cause === reason)

function commandLine(run: Run): Command {
  const { streams } = run
  const program = new Command('vmbus')
    .version(versionText(), '--version')
    .description('Runs Hyper-V guests against VMBus hosts, with no hypervisor and no Windows')
    .exitOverride()
    .configureOutput({ writeOut: (text) => streams.out(text), writeErr: (text) => streams.err(text) })
  program
    .command('boot')
    .description('boot an unmodified Linux kernel on a Hyper-V host')
    .option('--release <name>', 'debian-11 or debian-12')
    .option('--flavour <name>', '686, 686-pae or rt-686-pae, with --release')
    .option('--deb <file>', 'a kernel package')
    .option('--kernel <file>', 'a bzImage, with --initrd')
    .option('--initrd <file>', 'an initial RAM disk of your own')
    .requiredOption('--host <id>', 'host version, such as ws2022')
    .option('--seed <n>', 'what drives randomness and delays', '1')
    .option('--for <duration>', `guest time to run before asking it to power off (default: "${DEFAULT_DURATION}")`)
    .option('--trace <file>', 'write the transcript, a line of JSON an entry')
    .option('--json <file>', 'write the report')
    .option('--devices <kinds>', 'beside the core components: netvsc, storvsc, balloon, kvp, vss, fcopy, with commas')
    .option('--script <file>', 'drive the guest by verbs, one a line, instead of --for')
    .option('--interactive', 'drive the guest by verbs that you type')
    .option('--quiet', 'do not show the guest console')
    .addHelpText('after', () => `\nVerbs of --script and --interactive:\n${verbsHelp()}\n\n${cacheHelp()}`)
    .action(async (flags: BootFlags) => void run.complaints.push(...(await runBoot(flags, run))))
  program
    .command('grid')
    .description('run heartbeat, time sync and shutdown for every release of the catalog on every host, simulated')
    .option('--seed <n>', 'what drives the simulated world', '1')
    .option('--host <ids>', 'only these host versions, with commas')
    .action(async ({ seed, host }: { readonly seed: string; readonly host?: string }) => {
      const hosts = host?.split(',').map(profileOf)
      streams.out(printGrid(await runGrid(seedOf(seed), anyOf(run), hosts)))
    })
  program
    .command('evidence')
    .description('count how the capabilities of the simulated guests are known, family by family')
    .action(() => streams.out(evidenceTable()))
  return program
}

const cacheHelp = (): string =>
  `Kernels, packages and snapshots of booted guests are kept in ${defaultCacheFolder()};\n` +
  `the snapshots take at most ${SNAPSHOT_CACHE_BYTES / 1024 ** 3} GiB of it.`

/** Runs one command line and returns its exit code; nothing is thrown. */
export async function main(argv: readonly string[], streams: Streams, signal: AbortSignal): Promise<number> {
  const pressed = new AbortController()
  const run: Run = {
    streams,
    signal: AbortSignal.any([signal, pressed.signal]),
    interrupt: () => pressed.abort(),
    complaints: [],
  }
  await commandLine(run)
    .parseAsync(argv, { from: 'user' })
    .catch((error: unknown) => run.complaints.unshift(error))
  if (run.signal.aborted) {
    streams.err('vmbus: interrupted\n')
    return ExitCode.interrupted
  }
  const { gone } = streams
  // Whoever stopped reading has ended the run; there is nothing to complain of but that.
  if (gone?.aborted === true && run.complaints.some((error) => isEndedBy(gone, error))) return ExitCode.unwritten
  const failures = run.complaints.map(failure)
  for (const { line } of failures) if (line !== '') streams.err(`${line}\n`)
  return failures[0]?.exitCode ?? ExitCode.ok
}
