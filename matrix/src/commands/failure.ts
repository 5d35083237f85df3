import { CommanderError } from 'commander'
import { ExitCode } from '../exit-code.ts'

/** Bad input of the person who runs the command: one line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly code = 'VMBUS_USAGE'
}

/** A verb that was understood did not do what it was asked for: the guest or the host refused, or failed. */
export class VerbError extends Error {
  override readonly name = 'VerbError'
  readonly code = 'VMBUS_VERB'
}

/** A run found what it was asked to fail on. */
export class FindingsError extends Error {
  override readonly name = 'FindingsError'
  readonly code = 'VMBUS_FINDINGS'
}

/** Cells of the matrix ended with an error of ours, which is no result. */
export class MatrixError extends Error {
  override readonly name = 'MatrixError'
  readonly code = 'VMBUS_MATRIX'
}

/** Standard output, the report or the transcript could not be written. */
export class OutputError extends Error {
  override readonly name = 'OutputError'
  readonly code = 'VMBUS_OUTPUT'

  constructor(what: string, cause: unknown) {
    super(`cannot write ${what}: ${reasonOf(cause)}`, { cause })
  }
}

/** Codes whose cause is a file, a package or an option rather than a defect here. */
const ABOUT_INPUT =
  /^VMBUS_(?:USAGE|RESULTS_|CONFIG_|QUEUE_|IMAGE_|V86_MISSING|V86_UNSUPPORTED|MACHINE_OPTIONS|KERNEL_VERSION|DISK_|OPTIONS_INVALID)/

/** Codes of a run that found something: a guest that does not do what it is asked for, cells that got worse. */
const ABOUT_GUEST = /^VMBUS_(?:VERB|FINDINGS|MACHINE_(?:ENDED|TIMEOUT|EXEC))$/

/** Codes that say that something here broke, not the guest or what it was given. */
const ABOUT_US = /^(?:VMBUS_V86_SELF_CHECK|VMBUS_MACHINE_(?:STOPPED|SNAPSHOT|HOST)|ERR_\w+)$/

const isErrno = (code: string): boolean => /^E[A-Z][A-Z0-9_]*$/.test(code) && !code.startsWith('ERR_')

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** The name of its class; of an error that crossed from another thread as a plain one, its stack still has it. */
const nameOf = (error: Error): string =>
  error.name === 'Error' ? (/^(\w+)(?:: | \[)/.exec(error.stack ?? '')?.[1] ?? error.name) : error.name

/** Those of the language, and one without a class of its own: nobody meant them to be read. */
const UNINTENDED = new Set(['Error', 'TypeError', 'ReferenceError', 'SyntaxError', 'EvalError', 'AssertionError'])

/** Something here is broken: as against a guest, a device or a file that refused. */
export function isDefect(error: unknown): boolean {
  const code = codeOf(error)
  if (code !== '') return ABOUT_US.test(code)
  return !(error instanceof Error) || UNINTENDED.has(nameOf(error))
}

/** What went wrong, in one line, without our own code. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const [first = ''] = text.replace(/^VMBUS_[A-Z0-9_]+: /, '').split('\n')
  return first
}

function exitCodeOf(error: unknown): number {
  const code = codeOf(error)
  if (error instanceof OutputError) return ExitCode.unwritten
  if (ABOUT_GUEST.test(code)) return ExitCode.findings
  return ABOUT_INPUT.test(code) || isErrno(code) ? ExitCode.usage : ExitCode.internal
}

/** What to say of an error, in one line, and the exit code that goes with it. */
export function failure(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof CommanderError)
    return { line: '', exitCode: error.exitCode === 0 ? ExitCode.ok : ExitCode.usage }
  // A line of a script that was refused keeps the code of what refused it.
  const cause = error instanceof VerbError ? codeOf(error.cause) : ''
  const reason = reasonOf(error)
  const codes = [...new Set([cause, codeOf(error)])].filter((code) => code !== '' && !reason.includes(`${code}:`))
  return {
    line: `vmbus: ${reason}${codes.length === 0 ? '' : ` (${codes.join(', ')})`}`,
    exitCode: exitCodeOf(error),
  }
}
