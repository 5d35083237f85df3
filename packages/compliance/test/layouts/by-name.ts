import type { LayoutInfo } from '@vmbus/layout'
import type { Entries } from './entry.ts'

/** Entries of layouts that carry the reference's name and agree with it as they are. */
export function byName(...layouts: readonly LayoutInfo[]): Entries {
  return Object.fromEntries(layouts.map((layout) => [layout.name, { layout }]))
}
