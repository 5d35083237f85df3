import { MachineError, type MachineErrorCode } from '../../src/index.ts'

/** The code of the MachineError that `work` throws or rejects with; anything else is passed on as it is. */
export async function codeOf(work: () => unknown): Promise<MachineErrorCode> {
  try {
    await work()
  } catch (error) {
    if (error instanceof MachineError) return error.code
    throw error
  }
  throw new Error('expected an error')
}
