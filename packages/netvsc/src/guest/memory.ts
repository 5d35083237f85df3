import type { PageRange } from '@vmbus/core'
import type { GuestContext } from './types.ts'

export const PAGE = 4096

export const rangeOf = (pfns: readonly number[], byteCount: number): PageRange => ({ byteOffset: 0, byteCount, pfns })

/** Pages of the guest's RAM, or none when it is used up. */
export function pagesFor({ deps }: Pick<GuestContext, 'deps'>, count: number): number[] | undefined {
  return orNoMemory(() => deps.pages.allocate(count))
}

/** What needs memory of the guest; undefined when there is no more. */
export function orNoMemory<T>(take: () => T): T | undefined {
  try {
    return take()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'VMBUS_GUEST_MEMORY') return undefined
    throw error
  }
}
