#!/usr/bin/env node
import { Command } from 'commander'
import { printBoot, runBoot, type BootFlags } from './commands/boot.ts'
import { failure } from './commands/failure.ts'
import { ExitCode } from './results/vocabulary.ts'

const interrupt = new AbortController()
process.once('SIGINT', () => interrupt.abort())

const program = new Command('vmbus').description('Runs Hyper-V guests against VMBus hosts, with no hypervisor and no Windows').exitOverride()

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
  .option('--for <duration>', 'guest time to run before asking it to power off', '60s')
  .option('--trace <file>', 'write the transcript, a line of JSON an entry')
  .option('--json <file>', 'write the report')
  .option('--quiet', 'do not show the guest console')
  .action(async (flags: BootFlags) => {
    process.stdout.write(printBoot(await runBoot(flags, interrupt.signal)))
  })

try {
  await program.parseAsync()
} catch (error) {
  const { line, exitCode } = failure(error)
  if (line !== '') process.stderr.write(`${line}\n`)
  process.exitCode = interrupt.signal.aborted ? ExitCode.interrupted : exitCode
}
