import { bytes, flag, integer, list, nullable, object, pair, text, type Fields } from '@vmbus/world'
import { MachineError } from '../errors.ts'
import { AGENT_READY } from './init.ts'

export interface ExecResult {
  /** Exit status of the script, 0 … 255. */
  readonly status: number
  /** Standard output and standard error, as they came, to the first 16 MiB. */
  readonly output: string
}

/** The host's end of the command agent, a line of bytes in each direction. One command at a time. */
export interface Agent {
  readonly ready: boolean
  /** A byte from the guest's agent line. */
  byte(value: number): void
  /** Asks for a command; its id. Throws VMBUS_MACHINE_EXEC for a script over SCRIPT_LIMIT. */
  begin(script: string): number
  /** Asks to end a command with all that it started. False when it never began: its script had not all been sent. */
  kill(id: number): boolean
  /** The answer to a command, once. */
  take(id: number): ExecResult | undefined
  save(): AgentState
  restore(state: AgentState): void
}

export interface AgentState {
  readonly ready: boolean
  readonly nextId: number
  readonly received: Uint8Array
  /** Of the answer that is coming in. */
  readonly expected: { readonly id: number; readonly status: number; readonly remaining: number } | null
  readonly answers: readonly (readonly [id: number, answer: ExecResult])[]
  /** What is still to be sent of a script, in pieces. */
  readonly sending: { readonly id: number; readonly pieces: readonly Uint8Array[] } | null
}

export const AGENT_STATE: Fields<AgentState> = {
  ready: flag,
  nextId: integer(),
  received: bytes(),
  expected: nullable(
    object<{ id: number; status: number; remaining: number }>({
      id: integer(),
      status: integer(),
      remaining: integer(),
    }),
  ),
  answers: list(pair(integer(), object<ExecResult>({ status: integer(), output: text }))),
  sending: nullable(object<{ id: number; pieces: Uint8Array[] }>({ id: integer(), pieces: list(bytes()) })),
}

const ANSWER = /^R (\d{1,9}) (\d{1,3}) (\d{1,9})$/
const TAKEN = /^A (\d{1,9})$/
/** An answer longer than this is cut: the guest is not trusted with the host's memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024
const HEADER_LIMIT = 64
/** Scripts are for commands; what is larger goes into the image as a file, or over a device. */
const SCRIPT_LIMIT = 1024 * 1024
/**
 * A terminal of Linux holds 4096 bytes that nobody has read yet, and a serial line without flow control loses the rest
 * (drivers/tty/n_tty.c, N_TTY_BUF_SIZE). The guest asks for each piece.
 */
const PIECE = 2048

export function createAgent(send: (bytes: Uint8Array) => void): Agent {
  let ready = false
  let nextId = 1
  let buffer = new Uint8Array(4096)
  let length = 0
  let expected: { id: number; status: number; remaining: number } | undefined
  let sending: { id: number; pieces: Uint8Array[] } | undefined
  const answers = new Map<number, ExecResult>()

  const append = (value: number): void => {
    if (length === buffer.length) {
      const bigger = new Uint8Array(buffer.length * 2)
      bigger.set(buffer)
      buffer = bigger
    }
    buffer[length++] = value
  }
  const received = (): string => new TextDecoder().decode(buffer.subarray(0, length))
  const finish = (): void => {
    if (expected === undefined || expected.remaining > 0) return
    answers.set(expected.id, { status: expected.status, output: received() })
    expected = undefined
    length = 0
  }
  /** The next piece; with the last one the command begins. */
  const sendPiece = (id: number): void => {
    if (sending?.id !== id) return
    const piece = sending.pieces.shift() ?? new Uint8Array(0)
    const isLast = sending.pieces.length === 0
    if (isLast) sending = undefined
    send(Buffer.concat([Buffer.from(`${isLast ? 'E' : 'D'} ${id} ${piece.length}\n`), piece]))
  }
  const header = (line: string): void => {
    if (!ready) {
      ready = line.endsWith(AGENT_READY.trimEnd())
      return
    }
    const [, taken] = TAKEN.exec(line) ?? []
    if (taken !== undefined) return sendPiece(Number(taken))
    const [, id, status, size] = ANSWER.exec(line) ?? []
    if (id === undefined) return
    expected = { id: Number(id), status: Number(status), remaining: Number(size) }
    finish()
  }

  return {
    get ready() {
      return ready
    },
    byte(value) {
      if (expected !== undefined) {
        expected.remaining--
        if (length < OUTPUT_LIMIT) append(value)
        return finish()
      }
      if (value !== 0x0a) {
        // Noise that is no header must not pile up.
        if (length >= HEADER_LIMIT) length = 0
        return append(value)
      }
      const line = received()
      length = 0
      header(line)
    },
    begin(script) {
      const all = new TextEncoder().encode(`${script}\n`)
      if (all.length > SCRIPT_LIMIT)
        throw new MachineError('VMBUS_MACHINE_EXEC', `a script of ${all.length} bytes is over ${SCRIPT_LIMIT}`, {
          bytes: all.length,
        })
      const id = nextId++
      const pieces: Uint8Array[] = []
      for (let at = 0; at < all.length; at += PIECE) pieces.push(all.subarray(at, at + PIECE))
      sending = { id, pieces }
      sendPiece(id)
      return id
    },
    kill(id) {
      if (sending?.id === id) {
        sending = undefined
        return false
      }
      send(new TextEncoder().encode(`K ${id} 0\n`))
      return true
    },
    take(id) {
      const answer = answers.get(id)
      answers.delete(id)
      return answer
    },
    save: () => ({
      ready,
      nextId,
      received: buffer.slice(0, length),
      expected: expected === undefined ? null : { ...expected },
      answers: [...answers],
      sending: sending === undefined ? null : { id: sending.id, pieces: sending.pieces.map((piece) => piece.slice()) },
    }),
    restore(state) {
      ready = state.ready
      nextId = state.nextId
      buffer = new Uint8Array(Math.max(4096, state.received.length))
      buffer.set(state.received)
      length = state.received.length
      expected = state.expected === null ? undefined : { ...state.expected }
      sending = state.sending === null ? undefined : { id: state.sending.id, pieces: [...state.sending.pieces] }
      answers.clear()
      for (const [id, answer] of state.answers) answers.set(id, answer)
    },
  }
}
