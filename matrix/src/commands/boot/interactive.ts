import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { codeOf, failure } from '../failure.ts'
import type { Stage } from './verb-steps.ts'
import { readLine, verbsHelp } from './verbs.ts'

/** Where a person types, and what ends the run. */
export interface Terminal {
  readonly input: Readable
  readonly output: Writable
  readonly signal: AbortSignal
  /** Ctrl-C was pressed: a terminal in raw mode sends a character and no signal. */
  interrupt(): void
}

/** Reads verbs until `quit`, the end of input or of the guest. A line that fails is told, and the next is read. */
export async function converse(stage: Stage, { input, output, signal, interrupt }: Terminal): Promise<void> {
  stage.say(`${verbsHelp()}\n  ${'quit'.padEnd(40)} power off and leave`)
  const lines = createInterface({ input, output, prompt: 'vmbus> ', signal })
  lines.on('SIGINT', interrupt)
  try {
    lines.prompt()
    for await (const line of lines) {
      if (line.trim() === 'quit') break
      if (!(await goesOn(line, stage, signal))) break
      lines.prompt()
    }
  } finally {
    lines.close()
  }
  signal.throwIfAborted()
}

/** Does what a line says, and tells whether another may follow: one that fails is told, a guest that is gone takes none. */
async function goesOn(line: string, stage: Stage, signal: AbortSignal): Promise<boolean> {
  try {
    await readLine(line)(stage)
    return true
  } catch (error) {
    signal.throwIfAborted()
    stage.say(failure(error).line)
    return codeOf(error) !== 'VMBUS_MACHINE_ENDED'
  }
}
