import type { Writable } from 'node:stream'
import { ExitCode } from './exit-code.ts'
import { OutputError, failure } from './commands/failure.ts'

/** Where the command writes, so that a test can read it. */
export interface Streams {
  out(text: string): void
  err(text: string): void
  /** Aborted when what `out` is told goes nowhere any more. */
  readonly gone?: AbortSignal
}

export interface ProcessStreams extends Streams {
  readonly gone: AbortSignal
  /** Waits until all is written, tells what could not be, and gives the exit code that follows. */
  finish(exitCode: number): Promise<number>
}

/** Where a process writes. When nobody reads any more (`vmbus boot | head`), or a disk is full, what is still said goes nowhere. */
export function streamsOf(out: Writable, err: Writable): ProcessStreams {
  const gone = new AbortController()
  out.on('error', (error) => gone.abort(error))
  // There is nowhere left to say it.
  err.on('error', () => undefined)
  const said = (text: string): void => void err.write(text)
  return {
    out: (text) => void (gone.signal.aborted || out.write(text)),
    err: said,
    gone: gone.signal,
    async finish(exitCode) {
      if (!gone.signal.aborted) await new Promise<void>((resolve) => void out.write('', () => resolve()))
      if (!gone.signal.aborted) return exitCode
      said(`${failure(new OutputError('the standard output', gone.signal.reason)).line}\n`)
      return exitCode === ExitCode.ok ? ExitCode.unwritten : exitCode
    },
  }
}
