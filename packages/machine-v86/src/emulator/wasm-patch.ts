import {
  Section,
  byte,
  encodeS32,
  encodeU32,
  name,
  section,
  sections,
  u32,
  unsupported,
  type Reader,
  type SectionSpan,
} from './wasm-format.ts'

/** What a patched instruction asks the hook about: the argument of the import is `HOOK_BASE + kind`. */
export const HookKind = { cpuid: 0, wrmsr: 1, rdmsr: 2 } as const
type HookKindValue = (typeof HookKind)[keyof typeof HookKind]

/** Above every x86 port number, so that hook calls and port reads share one import. */
export const HOOK_BASE = 0x1_0000
/** Asked after a hook answered "handled": non-zero means that the instruction faults with #GP(0). */
export const HOOK_FAULT = 0x1_0100

/** v86's exports for opcode 0F A2, 0F 30 and 0F 32. */
const TARGETS: readonly (readonly [name: string, kind: HookKindValue])[] = [
  ['instr_0FA2', HookKind.cpuid],
  ['instr_0F30', HookKind.wrmsr],
  ['instr_0F32', HookKind.rdmsr],
]

/** The export that runs instructions, and the constant in it: how many it runs before it looks at timers again. */
const LOOP = 'main_loop'
const LOOP_COUNTER = 100_003
/**
 * The interpreter also runs on inside a page for so many instructions before a backward jump ends its block, and looks
 * at nothing meanwhile (v86 INTERPRETER_ITERATION_LIMIT). Shorter, a guest that spins is interrupted in time.
 */
const ITERATION_LIMIT = 100_001
const SHORTER_ITERATION_LIMIT = 500
/** A word of v86's low memory that nothing uses (global_pointers.rs has a gap here): our slice length instead. */
export const SLICE_WORD = 628

const IMPORT_MODULE = 'env'
const IMPORT_NAME = 'io_port_read32'

const Opcode = {
  if: 0x04,
  i32load: 0x28,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  i32const: 0x41,
  emptyBlock: 0x40,
} as const

/** A change inside a function body: `remove` bytes at `at` give way to `insert`. */
interface Edit {
  readonly at: number
  readonly remove: number
  readonly insert: readonly number[]
}

/** Function imports: how many there are, and the index of the one that the hooks call. */
function hookImport(bytes: Uint8Array, span: SectionSpan): { imported: number; hook: number } {
  const r: Reader = { bytes, at: span.body }
  let imported = 0
  let hook = -1
  for (let left = u32(r); left > 0; left--) {
    const module = name(r)
    const field = name(r)
    const kind = byte(r)
    if (kind === 0) {
      u32(r)
      if (module === IMPORT_MODULE && field === IMPORT_NAME) hook = imported
      imported++
    } else if (kind === 1) {
      byte(r)
      limits(r)
    } else if (kind === 2) limits(r)
    else if (kind === 3) r.at += 2
    else throw unsupported(`import ${module}.${field} is of unknown kind ${kind}`)
  }
  if (hook < 0) throw unsupported(`the wasm does not import ${IMPORT_MODULE}.${IMPORT_NAME}`)
  return { imported, hook }
}

function limits(r: Reader): void {
  const hasMaximum = (byte(r) & 1) === 1
  u32(r)
  if (hasMaximum) u32(r)
}

function exportedFunctions(bytes: Uint8Array, span: SectionSpan): Map<string, number> {
  const r: Reader = { bytes, at: span.body }
  const found = new Map<string, number>()
  for (let left = u32(r); left > 0; left--) {
    const field = name(r)
    const kind = byte(r)
    const index = u32(r)
    if (kind === 0) found.set(field, index)
  }
  return found
}

/**
 * The function that both MSR instructions call with the constant 0 before anything else: their CPL test raises #GP(0)
 * so. v86 does not export it; finding it by what it does keeps the patch free of version-dependent indexes.
 */
function faultFunction(bodies: readonly Uint8Array[]): number {
  const firstCallWithZero = (body: Uint8Array): number => {
    for (let i = 0; i + 3 < body.length; i++) {
      if (body[i] !== Opcode.i32const || body[i + 1] !== 0 || body[i + 2] !== Opcode.call) continue
      const r: Reader = { bytes: body, at: i + 3 }
      return u32(r)
    }
    return -1
  }
  const candidates = new Set(bodies.map(firstCallWithZero))
  const [candidate] = candidates
  if (candidates.size !== 1 || candidate === undefined || candidate < 0) {
    throw unsupported('RDMSR and WRMSR do not share one #GP(0) call')
  }
  return candidate
}

/** Replaces the one place between two offsets where `constant` is pushed. */
function constantEdit(bytes: Uint8Array, from: number, to: number, constant: number, insert: readonly number[]): Edit {
  const pattern = [Opcode.i32const, ...encodeS32(constant)]
  const places: number[] = []
  for (let at = from; at + pattern.length <= to; at++) {
    if (pattern.every((value, i) => bytes[at + i] === value)) places.push(at)
  }
  const [at] = places
  if (places.length !== 1 || at === undefined) {
    throw unsupported(`${LOOP} has the constant ${constant} in ${places.length} places, expected one`)
  }
  return { at, remove: pattern.length, insert }
}

function loopEdits(bytes: Uint8Array, from: number, to: number): Edit[] {
  // i32.load with alignment 2^2 and offset 0.
  const slice = [Opcode.i32const, ...encodeS32(SLICE_WORD), Opcode.i32load, 2, 0]
  return [
    constantEdit(bytes, from, to, LOOP_COUNTER, slice),
    constantEdit(bytes, from, to, ITERATION_LIMIT, [Opcode.i32const, ...encodeS32(SHORTER_ITERATION_LIMIT)]),
  ].sort((one, other) => one.at - other.at)
}

function hookPrologue(kind: HookKindValue, hook: number, fault: number): number[] {
  const ask = (question: number): number[] => [Opcode.i32const, ...encodeS32(question), Opcode.call, ...encodeU32(hook)]
  return [
    ask(HOOK_BASE + kind),
    [Opcode.if, Opcode.emptyBlock],
    ask(HOOK_FAULT),
    [Opcode.if, Opcode.emptyBlock],
    [Opcode.i32const, 0, Opcode.call, ...encodeU32(fault)],
    [Opcode.end],
    [Opcode.return],
    [Opcode.end],
  ].flat()
}

interface FunctionBody {
  readonly index: number
  /** Offset of the size field. */
  readonly start: number
  /** Offset after the size field. */
  readonly locals: number
  /** Offset of the first instruction. */
  readonly instructions: number
  readonly end: number
}

function functionBodies(
  bytes: Uint8Array,
  code: SectionSpan,
  imported: number,
  wanted: ReadonlySet<number>,
): { count: number; first: number; bodies: FunctionBody[] } {
  const r: Reader = { bytes, at: code.body }
  const count = u32(r)
  const first = r.at
  const bodies: FunctionBody[] = []
  for (let i = 0; i < count; i++) {
    const start = r.at
    const length = u32(r)
    const locals = r.at
    const end = locals + length
    if (end > code.end) throw unsupported(`function ${imported + i} reaches past the code section`)
    if (wanted.has(imported + i)) {
      for (let groups = u32(r); groups > 0; groups--) {
        u32(r)
        byte(r)
      }
      bodies.push({ index: imported + i, start, locals, instructions: r.at, end })
    }
    r.at = end
  }
  return { count, first, bodies }
}

/**
 * v86's wasm with a question put before CPUID, RDMSR and WRMSR: "host, is this yours?". Its answer 0 runs the original
 * instruction; any other skips it, and raises #GP(0) when the host also says so. And the number of instructions that
 * run before timers and interrupts are looked at becomes a word of memory (SLICE_WORD), so that they come on time.
 *
 * Adds no import, type or function, so no index moves. The interpreter and compiled code both reach the three
 * instructions through these exports.
 */
export function patchWasm(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = sections(bytes)
  const { imported, hook } = hookImport(bytes, section(all, Section.import))
  const exported = exportedFunctions(bytes, section(all, Section.export))
  const code = section(all, Section.code)

  const alone = (field: string): number => {
    const index = exported.get(field)
    if (index === undefined) throw unsupported(`the wasm does not export ${field}`)
    if (index < imported) throw unsupported(`${field} is an import, not a function of the module`)
    const sharers = [...exported].filter(([, other]) => other === index).map(([other]) => other)
    if (sharers.length !== 1) throw unsupported(`one body serves ${sharers.join(', ')}: it cannot be patched alone`)
    return index
  }
  const loop = alone(LOOP)
  const kinds = new Map(TARGETS.map(([field, kind]) => [alone(field), kind]))
  const { count, first, bodies } = functionBodies(bytes, code, imported, new Set([loop, ...kinds.keys()]))
  if (bodies.length !== TARGETS.length + 1) throw unsupported(`found ${bodies.length} of ${TARGETS.length + 1} bodies`)

  const msrBodies = bodies.filter(({ index }) => index !== loop && kinds.get(index) !== HookKind.cpuid)
  const fault = faultFunction(msrBodies.map(({ instructions, end }) => bytes.subarray(instructions, end)))
  if (fault < imported) throw unsupported('the #GP(0) function is an import')

  const pieces: Uint8Array[] = [Uint8Array.from(encodeU32(count))]
  let copied = first
  for (const body of bodies) {
    const kind = kinds.get(body.index)
    const edits =
      kind === undefined
        ? loopEdits(bytes, body.instructions, body.end)
        : [{ at: body.instructions, remove: 0, insert: hookPrologue(kind, hook, fault) }]
    const growth = edits.reduce((sum, { remove, insert }) => sum + insert.length - remove, 0)
    pieces.push(bytes.subarray(copied, body.start), Uint8Array.from(encodeU32(body.end - body.locals + growth)))
    copied = body.locals
    for (const { at, remove, insert } of edits) {
      pieces.push(bytes.subarray(copied, at), Uint8Array.from(insert))
      copied = at + remove
    }
  }
  pieces.push(bytes.subarray(copied, code.end))
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
  return concat([
    bytes.subarray(0, code.start),
    Uint8Array.from([Section.code, ...encodeU32(length)]),
    ...pieces,
    bytes.subarray(code.end),
  ])
}

function concat(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    out.set(piece, at)
    at += piece.length
  }
  return out
}
