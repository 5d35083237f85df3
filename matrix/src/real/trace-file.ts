import { closeSync, openSync, writeSync } from 'node:fs'

/** A file of lines. One that cannot be written is told by `error`: the run goes on, and what it measures does not depend on it. */
export interface TraceFile {
  write(line: string): void
  close(): void
  readonly error: string | undefined
}

export function traceFile(path: string): TraceFile {
  let error: string | undefined
  const attempt = <T>(work: () => T): T | undefined => {
    if (error !== undefined) return undefined
    try {
      return work()
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown)
      return undefined
    }
  }
  let fd = attempt(() => openSync(path, 'w'))
  return {
    write(line) {
      if (fd === undefined) return
      const to = fd
      attempt(() => writeSync(to, line))
    },
    close() {
      if (fd === undefined) return
      const from = fd
      fd = undefined
      attempt(() => closeSync(from))
    },
    get error() {
      return error
    },
  }
}
