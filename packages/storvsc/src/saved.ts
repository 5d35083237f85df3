import type { PageRange } from '@vmbus/core'
import { integer, list, object, u16, u8, type Shape } from '@vmbus/world'
import type { Sense } from './protocol/index.ts'

// Shapes that the saved states of both ends have in common.

export const savedRange: Shape<PageRange> = object({
  byteOffset: integer(),
  byteCount: integer(),
  pfns: list(integer()),
})

export const savedSense: Shape<Sense> = object({ key: u8, asc: u16 })
