import type { Command } from 'commander'
import { INSTALL } from '../queue/libraries.ts'
import type { Runner } from '../runner.ts'
import type { Streams } from '../streams.ts'
import { runCanRun } from './can-run.ts'
import { completionText } from './completion.ts'
import { runControl, type ControlFlags } from './control.ts'
import { runDiff } from './diff.ts'
import { runExplain, type ExplainFlags } from './explain.ts'
import { UsageError } from './failure.ts'
import { featuresText, guestsText, hostsText } from './lists.ts'
import { runMatrix, type MatrixContext, type MatrixTools } from './matrix.ts'
import type { MatrixFlags } from './matrix-flags.ts'
import { runMerge } from './merge.ts'
import { runReplay, type ReplayFlags } from './replay.ts'
import type { ResultFiles } from './result-files.ts'
import { runWorker, type WorkerFlags } from './worker.ts'

/** What the commands of the matrix are given. */
export interface MatrixCommands extends MatrixTools {
  readonly streams: Streams
  /** Ends whatever runs. */
  readonly signal: AbortSignal
  /** Ends a run whose standard output is all that is wanted of it. */
  readonly reading: AbortSignal
}

interface ConfigFlags {
  readonly config?: string
}

/** A command that takes a user's configuration. */
const configurable = (command: Command): Command =>
  command.option('--config <file>', 'what you have of your own (default: vmbus.config.ts of this folder or above it)')

const withRunner = async (commands: MatrixCommands, { config }: ConfigFlags): Promise<MatrixContext> => ({
  ...commands,
  runner: await commands.runnerOf(config),
})

const each = (text: string, before: string[] = []): string[] => [...before, text]

const NAMES = `
Names:
  Case, blanks and dashes do not matter: rhel7.9, RHEL-7.9 and 'rhel 7.9' are one
  guest; ws2022, 2022 and 'Windows Server 2022' one host; a feature may be called
  by a part of its name, or by its group. * and ? stand for anything but a driver
  package: 'rhel 7.*' has none, 'rhel 7.*+*' those with LIS, '**' all. An option may
  be given several times, or take several names with commas.`

const MATRIX_HELP = `${NAMES}

Examples:
  vmbus matrix                                  every guest, host and feature
  vmbus matrix --release 'rhel 7.9'             one guest: its features by host
  vmbus matrix --host ws2022 --release 'rhel*'  one host: guests by feature
  vmbus matrix --feature trim --json trim.json  one feature, kept as a file
  vmbus matrix --real --release 'debian 12' --host ws2022
                                                real kernels beside simulated
  vmbus matrix --shard 2/4 --json 2.json        a quarter of the executions
  vmbus matrix --since old.json --fail-on worse what got worse since then

Marks:
  The host lacks it (h), the guest lacks it (g) and nobody looked (·) are three
  things. An apostrophe stands where the published pages say something else.

Exit codes:
  0 done; 1 what --fail-on asks for was found; 2 bad usage or files; 3 cells ended
  with an error of ours; 4 a file or the standard output could not be written;
  130 interrupted: what was finished is in the files and in the cache.`

function matrixCommand(program: Command, commands: MatrixCommands): void {
  configurable(program.command('matrix'))
    .description('run every feature of every guest on every host, simulated, and say what works and how sure that is')
    .option('--release <names>', 'only these guests', each)
    .option('--host <names>', 'only these host versions', each)
    .option('--feature <names>', 'only these features', each)
    .option('--runs <n>', 'sequences that each property draws')
    .option('--seed <n>', 'what drives them; the same seed gives the same results', '1')
    .option('--workers <n>', 'threads; 0 runs all in this one (default: one for each core)')
    .option('--queue <url>', 'have the executions made by `vmbus worker` at this Redis: redis://host:6379/0')
    .option('--real', 'play on the real kernels of Debian 11 and 12, too; where they disagree is an error')
    .option('--shard <i/n>', 'only this part of the executions, for `vmbus merge`')
    .option('--json <file>', 'write the results')
    .option('--junit <file>', 'write them for a CI: a suite for each guest')
    .option('--html <file>', 'write them as one page')
    .option('--fail-on <kinds>', 'end with 1 for: differs, unexplained, our-bug, worse', '')
    .option('--since <file>', 'tell what changed since these results')
    .option('--quiet', 'tell no progress')
    .addHelpText('after', MATRIX_HELP)
    .action(async (flags: MatrixFlags & ConfigFlags) => {
      const isForFiles = [flags.json, flags.junit, flags.html].some((name) => name !== undefined)
      const context = await withRunner(commands, flags)
      await runMatrix(flags, isForFiles ? context : { ...context, signal: commands.reading })
    })
}

function workerCommand(program: Command, commands: MatrixCommands): void {
  configurable(program.command('worker'))
    .description('make executions for `vmbus matrix --queue` until it is interrupted')
    .requiredOption(
      '--queue <url>',
      'the Redis of the queue: redis://[user:password@]host[:port][/db], rediss: for TLS',
    )
    .option('--workers <n>', 'threads (default: one for each core)')
    .addHelpText(
      'after',
      `
The queue needs two packages beside this one: ${INSTALL}
Runs and workers have to be of the same code: vmbus and Node of the same version,
and the same configuration.
Ctrl-C ends a worker after the executions that are under way; what a worker that
dies has taken runs elsewhere. A second Ctrl-C ends it at once.

Examples:
  vmbus worker --queue redis://10.0.0.5         on each machine
  vmbus matrix --queue redis://10.0.0.5         and on one of them`,
    )
    .action(async (flags: WorkerFlags & ConfigFlags) => await runWorker(flags, await withRunner(commands, flags)))
}

function explainCommand(program: Command, commands: MatrixCommands): void {
  configurable(program.command('explain'))
    .usage('[options] RELEASE HOST FEATURE')
    .argument('<words...>')
    .description('say in one paragraph what is known of one cell, and by which value of the guest or the host')
    .option('--seed <n>', 'what drives the measurement', '1')
    .option('--from <file>', 'take it from the results of a run')
    .addHelpText(
      'after',
      `${NAMES}

Examples:
  vmbus explain rhel-7.9 ws2022 trim
  vmbus explain 'rhel 7.7 + lis 4.3' '2012 R2' 'live backup'
  vmbus explain debian 12 ws2025 kvp --from run.json`,
    )
    .action(async (words: readonly string[], flags: ExplainFlags & ConfigFlags) => {
      const [host, feature] = words.slice(-2)
      const release = words.slice(0, -2).join(' ')
      if (host === undefined || feature === undefined || release === '')
        throw new UsageError('explain needs a release, a host and a feature')
      const context = await withRunner(commands, flags)
      await runExplain({ release, host, feature }, flags, { ...context, signal: commands.reading })
    })
}

function controlCommand(program: Command, commands: MatrixCommands): void {
  configurable(program.command('control'))
    .argument('<probe>', 'its id')
    .description(
      'play a probe with and without what it names as its control; the exit code is 1 when it notices nothing',
    )
    .requiredOption('--release <name>', 'the guest')
    .requiredOption('--host <name>', 'the host version')
    .option('--seed <n>', 'what drives it', '1')
    .addHelpText('after', "\nExample:\n  vmbus control trim --release 'debian 12' --host ws2022")
    .action(async (name: string, flags: ControlFlags & ConfigFlags) => {
      await runControl(name, flags, await withRunner(commands, flags))
    })
}

const REPLAY_HELP = `${NAMES}

  A file is one of --json. Of it those cells are measured again that are an error,
  hang or damage the guest, or differ from the pages for no known cause; or one:
  --cell. A failure of --junit has the command of each of its cells.

Examples:
  vmbus replay rhel-7.9/ws2022/trim --seed 7      as the page of the report has it
  vmbus replay 'rhel 7.9/2022/trim' --trace t.jsonl
  vmbus replay debian-12/ws2022/kvp --real        on the kernel of Debian 12
  vmbus replay run.json                           what went wrong in a run
  vmbus replay run.json --cell debian-12/ws2019/kvp

Exit codes:
  0 measured, and the same as in the file; 1 not the same as in the file; 2 bad
  usage or files; 3 an error of ours; 4 a file or the standard output could not be
  written; 130 interrupted.`

function replayCommand(program: Command, commands: MatrixCommands): void {
  configurable(program.command('replay'))
    .usage('[options] RELEASE/HOST/FEATURE | FILE')
    .argument('<words...>')
    .description('measure one cell again, or what went wrong in a run, and show what crossed the bus')
    .option('--seed <n>', 'what drives it (default: 1, or that of the file)')
    .option('--runs <n>', 'sequences that each property draws (default: 20, or those of the file)')
    .option('--cell <cell>', 'this one of the file')
    .option('--all', 'show all that crossed, not only the first and the last')
    .option('--whole', 'with all that is the own of guest and host, not only what the probe reads')
    .option('--real', 'on the real kernel of the guest, too; a file says itself which cells were')
    .option('--trace <file>', 'write the transcript, a line of JSON an entry')
    .addHelpText('after', REPLAY_HELP)
    .action(async (words: readonly string[], flags: ReplayFlags & ConfigFlags) => {
      const context = await withRunner(commands, flags)
      const signal = flags.trace === undefined ? commands.reading : commands.signal
      await runReplay(words.join(' '), flags, { ...context, signal })
    })
}

function fileCommands(program: Command, commands: MatrixCommands): void {
  program
    .command('diff')
    .description('compare two runs cell by cell; the exit code is 1 when one got worse')
    .argument('<older>', 'results of the earlier run')
    .argument('<newer>', 'results of the later one')
    .addHelpText('after', '\nExample:\n  vmbus diff yesterday.json today.json')
    .action(async (older: string, newer: string) => await runDiff(older, newer, commands.streams))
  configurable(program.command('merge'))
    .description('make one run of the results of its shards, the same as if it had run in one piece')
    .argument('<files...>', 'results of `vmbus matrix --shard`')
    .option('--json <file>', 'write the results')
    .option('--junit <file>', 'write them for a CI')
    .option('--html <file>', 'write them as one page')
    .addHelpText(
      'after',
      '\nExample:\n  vmbus merge 1.json 2.json 3.json 4.json --json all.json --html all.html\n\nWhere executions are missing it says of which shard, after all is written, and ends with 2.',
    )
    .action(async (names: readonly string[], flags: ResultFiles & ConfigFlags) => {
      await runMerge(names, flags, await withRunner(commands, flags))
    })
}

type ListText = (names: readonly string[], runner: Runner) => string

function listCommands(program: Command, commands: MatrixCommands): void {
  const list = (name: string, description: string, text: ListText): void => {
    configurable(program.command(name))
      .description(description)
      .argument('[names...]', 'only these')
      .addHelpText('after', NAMES)
      .action(async (names: readonly string[], flags: ConfigFlags) => {
        const { runner } = await withRunner(commands, flags)
        commands.streams.out(text(names.length === 0 ? [] : [names.join(' ')], runner))
      })
  }
  list('guests', 'list the guests: kernel, drivers, end of support, and what stands for them', guestsText)
  list('hosts', 'list the host versions', hostsText)
  list('features', 'list the features of the published grids, and how many probes measure each', featuresText)
  configurable(program.command('can-run'))
    .usage('NAME')
    .argument('<words...>')
    .description('say whether Hyper-V runs a guest at all, listed or not; the exit code is 1 when it does not')
    .addHelpText('after', '\nExamples:\n  vmbus can-run solaris\n  vmbus can-run aix\n  vmbus can-run rhel 7.9')
    .action(async (words: readonly string[], flags: ConfigFlags) => {
      const { runner } = await withRunner(commands, flags)
      runCanRun(words.join(' '), runner, commands.streams)
    })
}

/** The commands that measure guests on hosts, and that read what was measured. */
export function matrixCommands(program: Command, commands: MatrixCommands): void {
  matrixCommand(program, commands)
  workerCommand(program, commands)
  explainCommand(program, commands)
  replayCommand(program, commands)
  controlCommand(program, commands)
  fileCommands(program, commands)
  listCommands(program, commands)
  configurable(program.command('completion'))
    .description('print a script for a shell: source <(vmbus completion bash)')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string, flags: ConfigFlags) => {
      const { runner } = await withRunner(commands, flags)
      commands.streams.out(completionText(program, shell, runner.registry))
    })
}
