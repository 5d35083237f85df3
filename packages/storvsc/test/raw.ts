import { expect } from 'vitest'
import type { RequestResult, UnitAddress } from '../src/index.ts'
import type { World } from './world.ts'

export const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const hex = (data: Uint8Array): string => Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('')

export interface RawAnswer {
  readonly result: RequestResult
  /** The buffer afterwards, as far as the answer says that it was filled. */
  readonly data: string
}

/** Sends a CDB typed by hand and waits. `room` is the buffer of a read, `out` the data of a write. */
export function raw(w: World, cdb: string, options: { room?: number; out?: string; at?: UnitAddress } = {}): RawAnswer {
  const { room, out, at } = options
  const parameters = out === undefined ? undefined : bytes(out)
  const length = parameters?.length ?? room ?? 0
  const buffer = length === 0 ? undefined : w.allocate(length, 40)
  if (buffer !== undefined && parameters !== undefined) w.put(buffer, parameters)
  const id = w.driver.submit({
    ...at,
    cdb: bytes(cdb),
    direction: parameters !== undefined ? 'write' : length > 0 ? 'read' : 'none',
    ...(buffer === undefined ? {} : { buffer }),
  })
  const result = w.result(id)
  const data =
    buffer === undefined || parameters !== undefined ? '' : hex(w.get(buffer).subarray(0, result.transferred))
  if (buffer !== undefined) w.free(buffer)
  return { result, data }
}

/** The answer's sense data, written as key/code. */
export function senseOf({ result }: RawAnswer): string {
  if (result.sense === undefined) return `${result.outcome} ${result.srbStatus.toString(16)}`
  return `${result.outcome} ${result.srbStatus.toString(16)} ${result.sense.key.toString(16)}/${result.sense.asc.toString(16).padStart(4, '0')}`
}

export function expectGood(answer: RawAnswer): string {
  expect(answer.result.outcome).toBe('good')
  return answer.data
}
