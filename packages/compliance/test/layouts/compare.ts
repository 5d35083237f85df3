import type { LayoutInfo } from '@vmbus/layout'
import type { Ours, SameAs } from './entry.ts'
import { bitsOf, leaves, placed, structOf, type Placed, type Range } from './geometry.ts'
import { isFiller, type Reference, type ReferenceField } from './reference.ts'

type Node = LayoutInfo['node']['fields'][number]['node']

/** What is wrong with an entry, one finding a line; none when it holds. */
export function compareOurs(reference: Reference, name: string, entry: Ours): readonly string[] {
  const { at = 0, layout } = entry
  const size = structOf(reference, name).size
  const findings = exceptions(entry.except)
  if (entry.part ? size + at > layout.size : size + at !== layout.size) {
    findings.add('size', `size is ${layout.size}, the reference has ${size}${at === 0 ? '' : ` at ${at}`}`)
  }
  const theirs = placed(reference, name)
  const ours = placesOf(layout)
  for (const [from, to] of Object.entries(entry.rename ?? {})) {
    if (!ours.has(from)) findings.always(`rename of ${from}, which our layout does not have`)
    if (!theirs.some(({ path }) => path === to)) findings.always(`rename to ${to}, which the reference does not have`)
  }
  const pairs = pair(ours, theirs, entry.rename ?? {})
  if (pairs.size === 0 && theirs.some(({ path, length }) => length > 0 && !isFiller(path))) {
    findings.add('names', 'no field of our layout has a name of the reference')
  }
  for (const item of theirs) {
    if (item.length === 0 || item.start + at * 8 < 0) continue
    const place = pairs.get(item.path)
    if (place === undefined) {
      if (isRequired(item, theirs, pairs)) {
        findings.add(
          item.path,
          `no field for ${item.path} (offset ${Math.floor(item.start / 8)}, size ${item.field.size})`,
        )
      }
    } else if (place.start !== item.start + at * 8 || place.length !== item.length) {
      const expected = `${item.start + at * 8} for ${item.length}`
      findings.add(
        item.path,
        `${item.path} is at bit ${place.start} for ${place.length} bits, the reference has ${expected}`,
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
  if (entry.part ? size + at > other : size + at !== other)
    findings.add('size', `size is ${size}${at === 0 ? '' : ` at ${at}`}, ${entry.sameAs} has ${other}`)
  const mine = leaves(reference, name).map((range) => ({ ...range, start: range.start + at * 8 }))
  const theirs = leaves(reference, entry.sameAs)
  const missing = (from: readonly Range[], to: readonly Range[], where: string): void => {
    for (const range of from) {
      // What `at` puts outside of the other struct is the header that it leaves out.
      if (range.start < 0 || range.start < at * 8) continue
      if (entry.part && range.start >= (at + size) * 8) continue
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

/** One spelling for `payload_size`, `payloadSize`, `payloadsize` and the hidden `_payload_size`. */
const spelling = (path: string): string => path.replaceAll('_', '').toLowerCase()
const lastPart = (path: string): string => spelling(path.slice(path.lastIndexOf('.') + 1))

/**
 * Our place for each of their fields: by `rename` (also of what contains it), by path, or, among what is left over, by
 * a last part of the path that occurs once on both sides (`offer.if_type` may be `if_type`).
 */
function pair(
  ours: ReadonlyMap<string, Place>,
  theirs: readonly Placed[],
  rename: Readonly<Record<string, string>>,
): ReadonlyMap<string, Place> {
  const bySpelling = new Map([...ours.keys()].map((path) => [spelling(path), path]))
  const renamed = Object.entries(rename)
  const taken = new Set(renamed.map(([from]) => from))
  const names = new Map<string, string>()
  for (const { path } of theirs) {
    const container = renamed.find(([, to]) => path === to || path.startsWith(`${to}.`))
    const ourPath = container ? container[0] + path.slice(container[1].length) : path
    const found = bySpelling.get(spelling(ourPath))
    if (found === undefined || (!container && (taken.has(found) || isFiller(path)))) continue
    names.set(path, found)
    taken.add(found)
  }
  const left = [...ours.keys()].filter((path) => !taken.has(path) && !isFiller(path))
  for (const { path } of theirs) {
    if (names.has(path) || isFiller(path)) continue
    const candidates = left.filter((other) => lastPart(other) === lastPart(path))
    const rivals = theirs.filter((other) => !names.has(other.path) && lastPart(other.path) === lastPart(path))
    if (candidates.length === 1 && rivals.length === 1 && candidates[0] !== undefined) names.set(path, candidates[0])
  }
  const places = [...names].map(([path, name]) => [path, ours.get(name)] as const)
  return new Map(places.filter((item): item is readonly [string, Place] => item[1] !== undefined))
}

/**
 * Filler, bit fields and union alternatives may be absent from our layout, and so may what lies inside of a field that
 * we have as one piece, and a container whose members we have.
 */
function isRequired(item: Placed, theirs: readonly Placed[], pairs: ReadonlyMap<string, Place>): boolean {
  const { field, path, siblings } = item
  if (isFiller(path) || field.bits !== undefined || field.type.includes('(anon)')) return false
  if ([...pairs.keys()].some((other) => path.startsWith(`${other}.`))) return false
  // A GUID's `b` says no more than the GUID itself.
  const isWhole = (other: Placed): boolean => other.start === item.start && other.length === item.length
  if (theirs.some((other) => isWhole(other) && path.startsWith(`${other.path}.`))) return false
  if (theirs.some((other) => other.path.startsWith(`${path}.`) && !isWhole(other))) return false
  const { start, length } = bitsOf(field)
  const isRelated = (other: ReferenceField): boolean =>
    other === field || other.name.startsWith(`${field.name}.`) || field.name.startsWith(`${other.name}.`)
  return !siblings.some((other) => {
    const place = bitsOf(other)
    return other.size > 0 && !isRelated(other) && place.start < start + length && start < place.start + place.length
  })
}
