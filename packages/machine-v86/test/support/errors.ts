import { OptionsError, StateError } from '@vmbus/world'
import { MachineError } from '../../src/index.ts'

/** The code of the error of ours that `work` throws or rejects with; anything else is passed on as it is. */
export async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work()
  } catch (error) {
    if (error instanceof MachineError || error instanceof OptionsError || error instanceof StateError) return error.code
    throw error
  }
  throw new Error('expected an error')
}
