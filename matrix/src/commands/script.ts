import { readFile } from 'node:fs/promises'
import { UsageError, VerbError, reasonOf } from './failure.ts'
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
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`)
  })
  return contents.split('\n').map((text, index) => {
    try {
      return { text: text.trim(), command: readLine(text) }
    } catch (error) {
      throw error instanceof UsageError ? new UsageError(`${path}:${index + 1}: ${error.message}`) : error
    }
  })
}

/** What the guest, the host's devices or a file are to blame for, as against a defect here. */
const isOfTheRun = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  /^(?:VMBUS_(?:VERB|MACHINE_(?:ENDED|TIMEOUT|EXEC))|E[A-Z]+)$/.test(String(error.code))

/** A script ends at the first line that fails, as a shell's `set -e` does. */
export async function runScript(
  stage: Stage,
  script: readonly Line[],
  progress: (text: string) => void,
): Promise<void> {
  for (const { text, command } of script) {
    if (text !== '') progress(`> ${text}`)
    await command(stage).catch((error: unknown) => {
      throw isOfTheRun(error) ? new VerbError(`${text}: ${reasonOf(error)}`) : error
    })
  }
}
