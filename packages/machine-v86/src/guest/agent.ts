import { AGENT_READY } from './init.ts'

export interface ExecResult {
  /** Exit status of the script, 0 … 255. */
  readonly status: number
  /** Standard output and standard error, as they came. */
  readonly output: string
}

/** The host's end of the command agent: bytes in, bytes out. One command at a time, as the guest has one shell. */
export interface Agent {
  readonly ready: boolean
  /** A byte from the guest's agent line. */
  byte(value: number): void
  /** The bytes that ask for a command, and the id that its answer carries. */
  request(script: string): { readonly id: number; readonly bytes: Uint8Array }
  /** The answer to a request, once. */
  take(id: number): ExecResult | undefined
  save(): AgentState
  restore(state: AgentState): void
}

export interface AgentState {
  readonly ready: boolean
  readonly nextId: number
  readonly received: Uint8Array
}

const HEADER = /^R (\d{1,9}) (\d{1,3}) (\d{1,9})$/
/** An answer longer than this is cut: the guest is not trusted with the host's memory. */
const OUTPUT_LIMIT = 16 * 1024 * 1024
const HEADER_LIMIT = 64

/** One line of printable ASCII for printf's %b: every other byte, and the backslash, as \0 and three octal digits. */
function escaped(script: string): string {
  return Array.from(new TextEncoder().encode(script), (byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`,
  ).join('')
}

export function createAgent(): Agent {
  let ready = false
  let nextId = 1
  let buffer = new Uint8Array(4096)
  let length = 0
  let expected: { id: number; status: number; remaining: number } | undefined
  const answers = new Map<number, ExecResult>()

  const append = (value: number): void => {
    if (length === buffer.length) {
      const bigger = new Uint8Array(buffer.length * 2)
      bigger.set(buffer)
      buffer = bigger
    }
    buffer[length++] = value
  }
  const text = (): string => new TextDecoder().decode(buffer.subarray(0, length))
  const finish = (): void => {
    if (expected === undefined || expected.remaining > 0) return
    answers.set(expected.id, { status: expected.status, output: text() })
    expected = undefined
    length = 0
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
      const line = text()
      length = 0
      if (!ready) {
        ready = line.endsWith(AGENT_READY.trimEnd())
        return
      }
      const [, id, status, bytes] = HEADER.exec(line) ?? []
      if (id === undefined) return
      expected = { id: Number(id), status: Number(status), remaining: Number(bytes) }
      finish()
    },
    request(script) {
      const id = nextId++
      return { id, bytes: new TextEncoder().encode(`${id} ${escaped(`${script}\n`)}\n`) }
    },
    take(id) {
      const answer = answers.get(id)
      answers.delete(id)
      return answer
    },
    save: () => ({ ready, nextId, received: buffer.slice(0, length) }),
    restore(state) {
      ready = state.ready
      nextId = state.nextId
      buffer = new Uint8Array(Math.max(4096, state.received.length))
      buffer.set(state.received)
      length = state.received.length
      expected = undefined
      answers.clear()
    },
  }
}
