import { readFileSync } from 'node:fs'

/** A field of the reference: byte offset and size as the compiler or debug information of its source has them. */
export interface ReferenceField {
  /** Members of nested structs and unions are listed after them, with the path: `u.pipe.pipe_mode`. */
  readonly name: string
  readonly offset: number
  readonly size: number
  readonly type: string
  /** Of a bit field: counted from the least significant bit of the word at `offset`. */
  readonly bit_offset?: number
  readonly bits?: number
}

export interface ReferenceStruct {
  readonly size: number
  readonly fields: readonly ReferenceField[]
  readonly source: string
}

export type Reference = Readonly<Record<string, ReferenceStruct>>

/** Sizes and offsets of 616 structs in Linux, OpenVMM, DPDK, FreeBSD, QEMU and MacHyperVSupport, by name. */
export function readReference(): Reference {
  return JSON.parse(readFileSync(new URL('../fixtures/layouts.json', import.meta.url), 'utf8')) as Reference
}

/** Reserved and padding fields: sources cut them up as they like, and nothing is read from them. */
export function isFiller(name: string): boolean {
  return /^(_*|[a-z]{2,4}_)(reserved?|rsvd|pad|padding|unused)z?\d*$/i.test(name.slice(name.lastIndexOf('.') + 1))
}
