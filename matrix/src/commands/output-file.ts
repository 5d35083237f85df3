import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import { OutputError, UsageError, reasonOf } from './failure.ts'

/** A file that appears whole or not at all: what is written beside it takes its name at the end. */
export interface OutputFile {
  /** As it was asked for. */
  readonly name: string
  /** Where to write meanwhile. */
  readonly path: string
  /** Lets it appear. Throws OutputError. */
  keep(): Promise<void>
  /** Nothing was there, and nothing will be. */
  drop(): Promise<void>
}

/**
 * Finds out before a run, and not after it, that its results cannot be written: throws UsageError. What is no regular file (a
 * pipe, a device) is written as it is; of a symbolic link the file that it leads to is replaced.
 */
export async function outputFile(name: string): Promise<OutputFile> {
  const kind = await stat(name).catch(() => undefined)
  const target = kind === undefined ? name : await realpath(name)
  const isPlain = kind === undefined || kind.isFile()
  const path = isPlain ? `${target}.${process.pid}.part` : target
  try {
    // A file that may not be written must not be replaced either, though its folder would allow it.
    for (const each of kind?.isFile() === true ? [target, path] : [path]) await (await open(each, 'a')).close()
  } catch (error) {
    throw new UsageError(`cannot write ${name}: ${reasonOf(error)}`)
  }
  return {
    name,
    path,
    async keep() {
      try {
        if (isPlain) await rename(path, target)
      } catch (error) {
        throw new OutputError(name, error)
      }
    },
    async drop() {
      if (isPlain) await rm(path, { force: true })
    },
  }
}
