import { CommanderError } from 'commander'
import { ExitCode } from '../results/vocabulary.ts'

/** Bad input of the person who runs the command: one line, exit code 2. */
export class UsageError extends Error {
  readonly code = 'VMBUS_USAGE'
}

/** A verb that was understood did not do what it was asked for: the guest or the host refused, or failed. */
export class VerbError extends Error {
  readonly code = 'VMBUS_VERB'
}

/** Codes whose cause is a file, a package or an option rather than a defect here. */
const ABOUT_INPUT = /^VMBUS_(?:USAGE|IMAGE_|V86_MISSING|MACHINE_OPTIONS|KERNEL_VERSION)/

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** What went wrong, in one line. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  const text = error instanceof Error ? error.message : String(error)
  const [first = ''] = (code === '' ? text : text.replace(`${code}: `, '')).split('\n')
  return first
}

/** What to say of an error, in one line, and the exit code that goes with it. */
export function failure(error: unknown): { readonly line: string; readonly exitCode: number } {
  if (error instanceof CommanderError)
    return { line: '', exitCode: error.exitCode === 0 ? ExitCode.ok : ExitCode.usage }
  const code = codeOf(error)
  const aboutFiles = ABOUT_INPUT.test(code) || /^E[A-Z]+$/.test(code)
  return {
    line: `vmbus: ${reasonOf(error)}${code === '' ? '' : ` (${code})`}`,
    exitCode: error instanceof VerbError ? ExitCode.findings : aboutFiles ? ExitCode.usage : ExitCode.internal,
  }
}
