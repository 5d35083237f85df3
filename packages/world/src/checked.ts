import { ShapeMismatch, object, oneOf, type Fields, type Shape } from './shape.ts'

export type WorldErrorCode = 'VMBUS_OPTIONS_INVALID' | 'VMBUS_STATE_INVALID'

/** What a program handed over is not what it must be. Nothing was touched. `field` is a path, `allowed` is in words. */
class CheckedError<C extends WorldErrorCode> extends Error {
  readonly code: C
  readonly field: string
  readonly value: string | number
  readonly allowed: string

  constructor(code: C, field: string, { value, allowed }: ShapeMismatch) {
    super(`${code}: ${field} is ${value}, allowed: ${allowed}`)
    this.code = code
    this.field = field
    this.value = value
    this.allowed = allowed
  }
}

/** An option that has no such name, or a value that it cannot have. */
export class OptionsError extends CheckedError<'VMBUS_OPTIONS_INVALID'> {
  override readonly name = 'OptionsError'
}

/** A saved state of something else, of another version, or of another shape. */
export class StateError extends CheckedError<'VMBUS_STATE_INVALID'> {
  override readonly name = 'StateError'
}

function checked<T>(parse: () => T, refuse: (mismatch: ShapeMismatch) => Error): T {
  try {
    return parse()
  } catch (error) {
    throw error instanceof ShapeMismatch ? refuse(error) : error
  }
}

const within = (where: string, { at }: ShapeMismatch): string =>
  at === '' || where === '' ? where + at : `${where}.${at}`

/**
 * The options as they were given, once each name and value has been looked at. `where` names the function or device in the
 * error. Throws OptionsError (VMBUS_OPTIONS_INVALID).
 */
export function checkOptions<T>(where: string, of: Shape<T>, options: unknown): T {
  return checked(
    () => of(options, ''),
    (mismatch) => new OptionsError('VMBUS_OPTIONS_INVALID', within(where, mismatch), mismatch),
  )
}

/** What begins every saved state: whose it is, and in which version of its form. */
export interface StateHead {
  readonly kind: string
  readonly v: number
}

export interface StateForm<T> {
  readonly head: StateHead
  readonly of: Shape<T & StateHead>
}

/** The form of one kind of saved state: fields beside `kind` and `v`. */
export function stateForm<T extends object>(kind: string, v: number, fields: Fields<T>): StateForm<T> {
  return {
    head: { kind, v },
    of: object<T & StateHead>({ ...fields, kind: oneOf(kind), v: oneOf(v) } as Fields<T & StateHead>),
  }
}

function begins(expected: string | number, found: unknown, at: string): void {
  if (found !== expected) oneOf(expected)(found, at)
}

/**
 * A copy of the state that `save` gave, with its head. Kind, version and each field are looked at before the caller touches
 * anything of its own. Throws StateError (VMBUS_STATE_INVALID).
 */
export function restoreState<T>(saved: unknown, { head, of }: StateForm<T>): T & StateHead {
  return checked(
    () => {
      // Kind and version first: what else is wrong with the state of another device says nothing.
      if (typeof saved === 'object' && saved !== null) {
        begins(head.kind, 'kind' in saved ? saved.kind : undefined, 'kind')
        begins(head.v, 'v' in saved ? saved.v : undefined, 'v')
      }
      return of(saved, '')
    },
    (mismatch) => new StateError('VMBUS_STATE_INVALID', within(head.kind, mismatch), mismatch),
  )
}
