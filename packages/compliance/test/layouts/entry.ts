import type { LayoutInfo } from '@vmbus/layout'

interface Comparison {
  /** Offset in the target at which the reference struct begins; negative when the target leaves out a header of it. */
  readonly at?: number
  /** The reference struct is only a part of the target, whose other fields do not count. */
  readonly part?: true
  /** Fields of the reference (or `size`, `names`) that may disagree with the target, each with the reason. An idle one fails. */
  readonly except?: Readonly<Record<string, string>>
}

/** Our layout of the struct. `rename` says which of our fields (by path) is which of theirs; equal names need none. */
export interface Ours extends Comparison {
  readonly layout: LayoutInfo
  readonly rename?: Readonly<Record<string, string>>
}

/** The same bytes as another struct of the reference: every field's place is in both. */
export interface SameAs extends Comparison {
  readonly sameAs: string
}

/** Sources contradict each other, and the wire reference says where and which we follow: `wire/06 §10.1`. */
interface Disagrees {
  readonly disagrees: string
}

/**
 * Belongs to a device that is not built yet; or to `unsent packets`, which no driver or host sends (wire/03 §3), to `page
 * reporting`, a hypercall beside VMBus (wire/07 §7), or to `driver memory`, which never crosses the wire.
 */
export interface NotBuilt {
  readonly notBuilt:
    | 'hvsock'
    | 'keyboard'
    | 'mouse'
    | 'video'
    | 'pci'
    | 'vmbfs'
    | 'serial'
    | 'unsent packets'
    | 'page reporting'
    | 'driver memory'
}

/** What one name of the reference is to us. */
export type Entry = Ours | SameAs | Disagrees | NotBuilt

export type Entries = Readonly<Record<string, Entry>>
