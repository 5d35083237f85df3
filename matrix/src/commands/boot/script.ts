import { readFile } from 'node:fs/promises'
import { UsageError, VerbError, isDefect, reasonOf } from '../failure.ts'
import { readLine, type Command } from './verbs.ts'
import type { Stage } from './verb-steps.ts'

/** A line of a script that is understood. */
export interface Line {
  readonly text: string
  readonly command: Command
}

/** Every line of a script, understood before anything is booted. */
export async function readScript(path: string): Promise<readonly Line[]> {
  const contents = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read ${path}: ${reasonOf(error)}`)
  })
  return contents.split('\n').map((text, index) => {
    try {
      return { text: text.trim(), command: readLine(text) }
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${path}:${index + 1}: ${error.message}`) : error
    }
  })
}

/** A script ends at the first line that fails, as a shell's `set -e` does. */
export async function runScript(
  stage: Stage,
  script: readonly Line[],
  progress: (text: string) => void,
): Promise<void> {
  for (const { text, command } of script) {
    if (text !== '') progress(`> ${text}`)
    await command(stage).catch((error: unknown) => {
      if (isDefect(error)) throw error
      const cause = error instanceof VerbError ? error.cause : error
      throw new VerbError(`${text}: ${reasonOf(error)}`, { cause })
    })
  }
}
