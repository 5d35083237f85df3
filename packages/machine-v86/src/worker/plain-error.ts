import { MachineError, type MachineErrorCode } from '../errors.ts'

/** An error as it crosses between threads, whose classes are not one another's. */
export interface PlainError {
  readonly name: string
  readonly message: string
  readonly code: string | undefined
  readonly detail: MachineError['detail']
  readonly stack: string | undefined
  readonly cause: PlainError | undefined
}

const MOST_CAUSES = 8

export function plainError(error: unknown, causes = MOST_CAUSES): PlainError {
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error))
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return {
    name,
    message,
    code,
    detail: error instanceof MachineError ? error.detail : {},
    stack,
    cause: cause === undefined || causes === 0 ? undefined : plainError(cause, causes - 1),
  }
}

/** Ours as it was; an error of the host's as an `Error` of the same name, message and code. */
export function revived({ name, message, code, detail, stack, cause }: PlainError): Error {
  const inner = cause === undefined ? undefined : revived(cause)
  const error =
    name === 'MachineError' && code !== undefined
      ? new MachineError(code as MachineErrorCode, message.replace(`${code}: `, ''), detail, inner)
      : Object.assign(new Error(message, inner === undefined ? undefined : { cause: inner }), {
          name,
          ...(code === undefined ? {} : { code }),
        })
  if (stack !== undefined) error.stack = stack
  return error
}
