import type { Command } from 'commander'
import type { Streams } from '../streams.ts'
import { runCanRun } from './can-run.ts'
import { completionText } from './completion.ts'
import { runDiff } from './diff.ts'
import { runExplain, type ExplainFlags } from './explain.ts'
import { UsageError } from './failure.ts'
import { featuresText, guestsText, hostsText } from './lists.ts'
import { runMatrix, type MatrixTools } from './matrix.ts'
import type { MatrixFlags } from './matrix-flags.ts'
import { runMerge } from './merge.ts'
import { runReplay, type ReplayFlags } from './replay.ts'
import type { ResultFiles } from './result-files.ts'

/** What the commands of the matrix are given. */
export interface MatrixCommands extends MatrixTools {
  readonly streams: Streams
  /** Ends whatever runs. */
  readonly signal: AbortSignal
  /** Ends a run whose standard output is all that is wanted of it. */
  readonly reading: AbortSignal
}

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
  program
    .command('matrix')
    .description('run every feature of every guest on every host, simulated, and say what works and how sure that is')
    .option('--release <names>', 'only these guests', each)
    .option('--host <names>', 'only these host versions', each)
    .option('--feature <names>', 'only these features', each)
    .option('--runs <n>', 'sequences that each property draws')
    .option('--seed <n>', 'what drives them; the same seed gives the same results', '1')
    .option('--workers <n>', 'threads; 0 runs all in this one (default: one for each core)')
    .option('--shard <i/n>', 'only this part of the executions, for `vmbus merge`')
    .option('--json <file>', 'write the results')
    .option('--junit <file>', 'write them for a CI: a suite for each guest')
    .option('--html <file>', 'write them as one page')
    .option('--fail-on <kinds>', 'end with 1 for: differs, unexplained, our-bug, worse', '')
    .option('--since <file>', 'tell what changed since these results')
    .option('--quiet', 'tell no progress')
    .addHelpText('after', MATRIX_HELP)
    .action(async (flags: MatrixFlags) => {
      const isForFiles = [flags.json, flags.junit, flags.html].some((name) => name !== undefined)
      await runMatrix(flags, isForFiles ? commands : { ...commands, signal: commands.reading })
    })
}

function explainCommand(program: Command, commands: MatrixCommands): void {
  program
    .command('explain')
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
    .action(async (words: readonly string[], flags: ExplainFlags) => {
      const [host, feature] = words.slice(-2)
      const release = words.slice(0, -2).join(' ')
      if (host === undefined || feature === undefined || release === '')
        throw new UsageError('explain needs a release, a host and a feature')
      await runExplain({ release, host, feature }, flags, { ...commands, signal: commands.reading })
    })
}

const REPLAY_HELP = `${NAMES}

  A file is one of --json. Of it those cells are measured again that are an error,
  hang or damage the guest, or differ from the pages for no known cause; or one:
  --cell. A failure of --junit has the command of each of its cells.

Examples:
  vmbus replay rhel-7.9/ws2022/trim --seed 7      as the page of the report has it
  vmbus replay 'rhel 7.9/2022/trim' --trace t.jsonl
  vmbus replay run.json                           what went wrong in a run
  vmbus replay run.json --cell debian-12/ws2019/kvp

Exit codes:
  0 measured, and the same as in the file; 1 not the same as in the file; 2 bad
  usage or files; 3 an error of ours; 4 a file or the standard output could not be
  written; 130 interrupted.`

function replayCommand(program: Command, commands: MatrixCommands): void {
  program
    .command('replay')
    .usage('[options] RELEASE/HOST/FEATURE | FILE')
    .argument('<words...>')
    .description('measure one cell again, or what went wrong in a run, and show what crossed the bus')
    .option('--seed <n>', 'what drives it (default: 1, or that of the file)')
    .option('--runs <n>', 'sequences that each property draws (default: 20, or those of the file)')
    .option('--cell <cell>', 'this one of the file')
    .option('--all', 'show all that crossed, not only the first and the last')
    .option('--whole', 'with all that is the own of guest and host, not only what the probe reads')
    .option('--trace <file>', 'write the transcript, a line of JSON an entry')
    .addHelpText('after', REPLAY_HELP)
    .action(async (words: readonly string[], flags: ReplayFlags) => {
      const context = flags.trace === undefined ? { ...commands, signal: commands.reading } : commands
      await runReplay(words.join(' '), flags, context)
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
  program
    .command('merge')
    .description('make one run of the results of its shards, the same as if it had run in one piece')
    .argument('<files...>', 'results of `vmbus matrix --shard`')
    .option('--json <file>', 'write the results')
    .option('--junit <file>', 'write them for a CI')
    .option('--html <file>', 'write them as one page')
    .addHelpText('after', '\nExample:\n  vmbus merge 1.json 2.json 3.json 4.json --json all.json --html all.html')
    .action(async (names: readonly string[], flags: ResultFiles) => await runMerge(names, flags, commands))
}

function listCommands(program: Command, { streams, runner }: MatrixCommands): void {
  const list = (name: string, description: string, text: (names: readonly string[]) => string): void => {
    program
      .command(name)
      .description(description)
      .argument('[names...]', 'only these')
      .addHelpText('after', NAMES)
      .action((names: readonly string[]) => streams.out(text(names.length === 0 ? [] : [names.join(' ')])))
  }
  list('guests', 'list the guests: kernel, drivers, end of support, and what stands for them', (names) =>
    guestsText(names, runner),
  )
  list('hosts', 'list the host versions', (names) => hostsText(names, runner))
  list('features', 'list the features of the published grids, and how many probes measure each', (names) =>
    featuresText(names, runner),
  )
  program
    .command('can-run')
    .usage('NAME')
    .argument('<words...>')
    .description('say whether Hyper-V runs a guest at all, listed or not; the exit code is 1 when it does not')
    .addHelpText('after', '\nExamples:\n  vmbus can-run solaris\n  vmbus can-run aix\n  vmbus can-run rhel 7.9')
    .action((words: readonly string[]) => runCanRun(words.join(' '), streams))
}

/** The commands that measure guests on hosts, and that read what was measured. */
export function matrixCommands(program: Command, commands: MatrixCommands): void {
  matrixCommand(program, commands)
  explainCommand(program, commands)
  replayCommand(program, commands)
  fileCommands(program, commands)
  listCommands(program, commands)
  program
    .command('completion')
    .description('print a script for a shell: source <(vmbus completion bash)')
    .argument('<shell>', 'bash, zsh or fish')
    .action((shell: string) => commands.streams.out(completionText(program, shell, commands.runner.registry)))
}
