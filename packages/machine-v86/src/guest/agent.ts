import { bytes, flag, integer, list, nullable, object, pair, text, type Fields } from '@vmbus/world'
import { byteBuffer } from './byte-buffer.ts'
import { AGENT_READY } from './init.ts'
import { piecesOf, scriptSender, type SendingState } from './script-sender.ts'

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
  /** Asks for a command; its id. Throws VMBUS_MACHINE_EXEC for a script over 1 MiB. */
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
  readonly sending: SendingState | null
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
  sending: nullable(object<SendingState>({ id: integer(), pieces: list(bytes()) })),
}

const ANSWER = /^R (\d{1,9}) (\d{1,3}) (\d{1,9})$/
const TAKEN = /^A (\d{1,9})$/
/** An answer longer than this is cut: the guest is not trusted with the host's memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024
const HEADER_LIMIT = 64

export function createAgent(send: (bytes: Uint8Array) => void): Agent {
  let ready = false
  let nextId = 1
  let expected: { id: number; status: number; remaining: number } | undefined
  const received = byteBuffer()
  const scripts = scriptSender(send)
  const answers = new Map<number, ExecResult>()

  const finish = (): void => {
    if (expected === undefined || expected.remaining > 0) return
    answers.set(expected.id, { status: expected.status, output: received.text() })
    expected = undefined
    received.clear()
  }
  const header = (line: string): void => {
    if (!ready) {
      ready = line.endsWith(AGENT_READY.trimEnd())
      return
    }
    const [, taken] = TAKEN.exec(line) ?? []
    if (taken !== undefined) return scripts.taken(Number(taken))
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
        if (received.length < OUTPUT_LIMIT) received.append(value)
        return finish()
      }
      if (value !== 0x0a) {
        // Noise that is no header must not pile up.
        if (received.length >= HEADER_LIMIT) received.clear()
        return received.append(value)
      }
      const line = received.text()
      received.clear()
      header(line)
    },
    begin(script) {
      const pieces = piecesOf(script)
      const id = nextId++
      scripts.begin(id, pieces)
      return id
    },
    kill(id) {
      if (scripts.cancel(id)) return false
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
      received: received.copy(),
      expected: expected === undefined ? null : { ...expected },
      answers: [...answers],
      sending: scripts.save(),
    }),
    restore(state) {
      ready = state.ready
      nextId = state.nextId
      received.set(state.received)
      expected = state.expected === null ? undefined : { ...state.expected }
      scripts.restore(state.sending)
      answers.clear()
      for (const [id, answer] of state.answers) answers.set(id, answer)
    },
  }
}
