import type { LayoutInfo } from '@vmbus/layout'
import type { Ours, SameAs } from './entry.ts'
import { bitsOf, leaves, structOf, type Range } from './geometry.ts'
import { isFiller, type Reference, type ReferenceField } from './reference.ts'

type Node = LayoutInfo['node']['fields'][number]['node']

/** What is wrong with an entry, one finding a line; none when it holds. */
export function compareOurs(reference: Reference, name: string, entry: Ours): readonly string[] {
  const { size, fields } = structOf(reference, name)
  const { at = 0 } = entry
  const findings = exceptions(entry.except)
  if (size + at !== entry.layout.size)
    findings.add('size', `size is ${entry.layout.size}, the reference has ${size}${at === 0 ? '' : ` at ${at}`}`)
  const ours = placesOf(entry.layout)
  const renamed = Object.entries(entry.rename ?? {})
  for (const [from, to] of renamed) {
    if (!ours.has(from)) findings.always(`rename of ${from}, which our layout does not have`)
    if (!fields.some((field) => field.name === to))
      findings.always(`rename to ${to}, which the reference does not have`)
  }
  const matched: string[] = []
  for (const field of fields) {
    if (field.size === 0 || field.offset + at < 0) continue
    const place = find(ours, renamed, field.name)
    if (place === undefined) {
      if (isRequired(field, fields, matched))
        findings.add(field.name, `no field for ${field.name} (offset ${field.offset}, size ${field.size})`)
      continue
    }
    matched.push(field.name)
    const theirs = bitsOf(field)
    if (place.start !== theirs.start + at * 8 || place.length !== theirs.length) {
      findings.add(
        field.name,
        `${field.name} is at bit ${place.start} for ${place.length} bits, the reference has ${theirs.start + at * 8} for ${theirs.length}`,
      )
    }
  }
  return findings.list()
}

/** Compares two structs of the reference: size, and the set of places of their fields, whatever the names. */
export function compareSame(reference: Reference, name: string, entry: SameAs): readonly string[] {
  if (!reference[entry.sameAs]) return [`same as ${entry.sameAs}, which the reference does not have`]
  const { at = 0 } = entry
  const findings = exceptions(entry.except)
  const size = structOf(reference, name).size
  const other = structOf(reference, entry.sameAs).size
  if (size + at !== other)
    findings.add('size', `size is ${size}${at === 0 ? '' : ` at ${at}`}, ${entry.sameAs} has ${other}`)
  const mine = leaves(reference, name).map((range) => ({ ...range, start: range.start + at * 8 }))
  const theirs = leaves(reference, entry.sameAs)
  const missing = (from: readonly Range[], to: readonly Range[], where: string): void => {
    for (const range of from) {
      // What `at` puts outside of the other struct is the header that it leaves out.
      if (range.start < 0 || range.start < at * 8) continue
      if (to.some((other) => isSame(range, other))) continue
      findings.add(
        range.names[0] ?? '',
        `${range.names.join(' = ')} (bit ${range.start} for ${range.length} bits) is not in ${where}`,
      )
    }
  }
  missing(mine, theirs, entry.sameAs)
  missing(theirs, mine, name)
  return findings.list()
}

/** The same bits; or one source names the bits of a word that the other leaves whole. */
function isSame(a: Range, b: Range): boolean {
  const [aEnd, bEnd] = [a.start + a.length, b.start + b.length]
  if (a.start === b.start && aEnd === bEnd) return true
  return (
    (a.isBits && !b.isBits && b.start <= a.start && aEnd <= bEnd) ||
    (b.isBits && !a.isBits && a.start <= b.start && bEnd <= aEnd)
  )
}

interface Findings {
  add(subject: string, text: string): void
  always(text: string): void
  list(): readonly string[]
}

/** Collects findings, without those that are excepted, and with those exceptions that nothing needs. */
function exceptions(except: Readonly<Record<string, string>> = {}): Findings {
  const found: string[] = []
  const needed = new Set<string>()
  return {
    add: (subject, text) => {
      if (except[subject] === undefined) found.push(text)
      needed.add(subject)
    },
    always: (text) => found.push(text),
    list: () => [
      ...found,
      ...Object.keys(except)
        .filter((subject) => !needed.has(subject))
        .map((subject) => `idle exception: ${subject}`),
    ],
  }
}

interface Place {
  readonly start: number
  readonly length: number
}

/** Every field of a layout by path, nested structs and union alternatives as well as leaves. */
function placesOf(layout: LayoutInfo): ReadonlyMap<string, Place> {
  const out = new Map<string, Place>()
  const add = (path: string, node: Node, offset: number): void => {
    out.set(path, { start: offset * 8, length: node.size * 8 })
    if (node.kind === 'struct')
      for (const field of node.fields) add(`${path}.${field.name}`, field.node, offset + field.offset)
    else if (node.kind === 'bits')
      for (const part of node.parts)
        out.set(`${path}.${part.name}`, { start: offset * 8 + part.bitOffset, length: part.bits })
    else if (node.kind === 'union')
      for (const { name, node: alternative } of node.alternatives) add(`${path}.${name}`, alternative, offset)
  }
  for (const field of layout.node.fields) add(field.name, field.node, field.offset)
  return out
}

/** Our place for their field: by `rename` (also of what contains it), else by the same name, else by that name hidden. */
function find(
  ours: ReadonlyMap<string, Place>,
  renamed: readonly (readonly [string, string])[],
  theirs: string,
): Place | undefined {
  for (const [from, to] of renamed) {
    if (theirs === to) return ours.get(from)
    if (theirs.startsWith(`${to}.`)) return ours.get(from + theirs.slice(to.length))
  }
  return ours.get(theirs) ?? ours.get(theirs.replace(/([^.]+)$/, '_$1'))
}

/** Filler, union alternatives and what lies inside a field that we have as one piece may be absent from our layout. */
function isRequired(field: ReferenceField, fields: readonly ReferenceField[], matched: readonly string[]): boolean {
  if (isFiller(field.name) || field.bits !== undefined || field.type.includes('(anon)')) return false
  if (matched.some((name) => field.name.startsWith(`${name}.`))) return false
  const { start, length } = bitsOf(field)
  const related = (other: ReferenceField): boolean =>
    other === field || other.name.startsWith(`${field.name}.`) || field.name.startsWith(`${other.name}.`)
  return !fields.some((other) => {
    const place = bitsOf(other)
    return other.size > 0 && !related(other) && place.start < start + length && start < place.start + place.length
  })
}
