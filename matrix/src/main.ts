import { SNAPSHOT_CACHE_BYTES, defaultCacheFolder } from '@vmbus/machine-v86'
import { reportHtml } from '@vmbus/report'
import { Command } from 'commander'
import { DEFAULT_DURATION, runBoot, type BootContext, type BootFlags } from './commands/boot/boot.ts'
import { evidenceTable } from './commands/evidence.ts'
import { failure } from './commands/failure.ts'
import { matrixCommands } from './commands/matrix-commands.ts'
import type { MatrixTools } from './commands/matrix.ts'
import { verbsHelp } from './commands/boot/verbs.ts'
import { ExitCode } from './exit-code.ts'
import { configured } from './runner.ts'
import type { Streams } from './streams.ts'
import { packageVersion } from './version.ts'

export type { Streams }

/** What one run of the command has: where to write, what ends it, and what it has to complain of in the end. */
interface Run extends BootContext {
  readonly complaints: unknown[]
}

/** Ends a run whose output is all that is wanted of it. */
const anyOf = ({ signal, streams: { gone } }: Run): AbortSignal =>
  gone === undefined ? signal : AbortSignal.any([signal, gone])

const isEndedBy = ({ reason }: AbortSignal, error: unknown): boolean =>
  error === reason || (error instanceof Error && error.cause === reason)

function commandLine(run: Run, tools: MatrixTools): Command {
  const { streams } = run
  const program = new Command('vmbus')
    .version(packageVersion(), '--version')
    .description('Runs Hyper-V guests against VMBus hosts, with no hypervisor and no Windows')
    .addHelpText(
      'after',
      `
Examples:
  vmbus matrix --release 'rhel 7.9'           what works for a guest, by host
  vmbus explain rhel-7.9 ws2022 trim          why, and what the pages say
  vmbus replay rhel-7.9/ws2022/trim           once more, and what crossed the bus
  vmbus matrix --html matrix.html             everything, as one page
  vmbus boot --release debian-12 --host ws2022  a real kernel`,
    )
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
  matrixCommands(program, { ...tools, streams, signal: run.signal, reading: anyOf(run) })
  program
    .command('evidence')
    .description('count how the capabilities of the simulated guests are known, family by family')
    .action(() => streams.out(evidenceTable()))
  return program
}

const cacheHelp = (): string =>
  `Kernels, packages and snapshots of booted guests are kept in ${defaultCacheFolder()};\n` +
  `the snapshots take at most ${SNAPSHOT_CACHE_BYTES / 1024 ** 3} GiB of it.`

const TOOLS: MatrixTools = { runnerOf: configured, pageOf: reportHtml }

/** Runs one command line and returns its exit code; nothing is thrown. */
export const main = async (argv: readonly string[], streams: Streams, signal: AbortSignal): Promise<number> =>
  await runCommand(argv, streams, signal, TOOLS)

/** The same with other tools than those that measure. */
export async function runCommand(
  argv: readonly string[],
  streams: Streams,
  signal: AbortSignal,
  tools: MatrixTools,
): Promise<number> {
  const pressed = new AbortController()
  const run: Run = {
    streams,
    signal: AbortSignal.any([signal, pressed.signal]),
    interrupt: () => pressed.abort(),
    complaints: [],
  }
  await commandLine(run, tools)
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
