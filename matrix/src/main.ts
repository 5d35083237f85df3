import { Command } from 'commander'
import { DEFAULT_DURATION, printBoot, runBoot, type BootFlags } from './commands/boot.ts'
import { profileOf, seedOf } from './commands/arguments.ts'
import { failure } from './commands/failure.ts'
import { verbsHelp } from './commands/verbs.ts'
import { runGrid } from './grid/grid.ts'
import { printGrid } from './grid/print.ts'
import { ExitCode } from './results/vocabulary.ts'

/** Where the command writes, so that a test can read it. */
export interface Streams {
  out(text: string): void
  err(text: string): void
}

function commandLine(streams: Streams, signal: AbortSignal): Command {
  const program = new Command('vmbus')
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
    .addHelpText('after', () => `\nVerbs of --script and --interactive:\n${verbsHelp()}`)
    .action(async (flags: BootFlags) => streams.out(printBoot(await runBoot(flags, streams, signal))))
  program
    .command('grid')
    .description('run heartbeat, time sync and shutdown for every release of the catalog on every host, simulated')
    .option('--seed <n>', 'what drives the simulated world', '1')
    .option('--host <ids>', 'only these host versions, with commas')
    .action(async ({ seed, host }: { readonly seed: string; readonly host?: string }) => {
      const hosts = host?.split(',').map(profileOf)
      streams.out(printGrid(await runGrid(seedOf(seed), signal, hosts)))
    })
  return program
}

/** Runs one command line and returns its exit code; nothing is thrown. */
export async function main(argv: readonly string[], streams: Streams, signal: AbortSignal): Promise<number> {
  try {
    await commandLine(streams, signal).parseAsync(argv, { from: 'user' })
    return ExitCode.ok
  } catch (error) {
    if (signal.aborted) {
      streams.err('vmbus: interrupted\n')
      return ExitCode.interrupted
    }
    const { line, exitCode } = failure(error)
    if (line !== '') streams.err(`${line}\n`)
    return exitCode
  }
}
