import { isFiller, type Reference, type ReferenceField, type ReferenceStruct } from './reference.ts'

/** A leaf as a range of bits from the start of its struct, and every name under which it goes. */
export interface Range {
  readonly start: number
  readonly length: number
  readonly isBits: boolean
  readonly names: readonly string[]
}

/** The bits of a field, counted from the start of the struct. */
export function bitsOf(field: ReferenceField): { readonly start: number; readonly length: number } {
  return { start: field.offset * 8 + (field.bit_offset ?? 0), length: field.bits ?? field.size * 8 }
}

/** The leaves of a struct: nested structs opened, containers, filler and flexible arrays left out. */
export function leaves(reference: Reference, name: string): readonly Range[] {
  const ranges = new Map<string, { start: number; length: number; isBits: boolean; names: string[] }>()
  const add = (start: number, length: number, isBits: boolean, path: string): void => {
    const key = `${start}+${length}`
    const range = ranges.get(key)
    if (range) range.names.push(path)
    else ranges.set(key, { start, length, isBits, names: [path] })
  }
  const open = (struct: string, prefix: string, base: number): void => {
    const { fields } = structOf(reference, struct)
    for (const field of fields) {
      const isContainer = fields.some((other) => other.name.startsWith(`${field.name}.`))
      if (isContainer || field.size === 0 || isFiller(field.name)) continue
      const nested = nestedStruct(reference, struct, field)
      const { start, length } = bitsOf(field)
      if (nested === undefined) add(base + start, length, field.bits !== undefined, prefix + field.name)
      else open(nested, `${prefix}${field.name}.`, base + start)
    }
  }
  open(name, '', 0)
  return [...ranges.values()]
}

/** Every field of a struct by path, with those of nested structs after their container, as bits from the start. */
export interface Placed {
  readonly path: string
  readonly field: ReferenceField
  /** The fields among which this one is declared. */
  readonly siblings: readonly ReferenceField[]
  readonly start: number
  readonly length: number
}

export function placed(reference: Reference, name: string): readonly Placed[] {
  const out: Placed[] = []
  const open = (struct: string, prefix: string, base: number): void => {
    const siblings = structOf(reference, struct).fields
    for (const field of siblings) {
      const { start, length } = bitsOf(field)
      out.push({ path: prefix + field.name, field, siblings, start: base + start, length })
      const nested = nestedStruct(reference, struct, field)
      if (nested !== undefined) open(nested, `${prefix}${field.name}.`, base + start)
    }
  }
  open(name, '', 0)
  return out
}

export function structOf(reference: Reference, name: string): ReferenceStruct {
  const struct = reference[name]
  if (!struct) throw new Error(`no struct ${name} in the reference`)
  return struct
}

/** The reference's name of a field's type, when that is a struct of the same size from the same source. */
function nestedStruct(reference: Reference, struct: string, field: ReferenceField): string | undefined {
  const type = field.type.replace(/^(struct|union) /, '')
  const scope = /^(openvmm:.*::|dpdk:)/.exec(struct)?.[0] ?? ''
  const name = scope + type
  return name !== struct && reference[name]?.size === field.size && reference[name].fields.length > 0 ? name : undefined
}
