import { MachineError } from '../errors.ts'

/** What is still to be sent of a script, in pieces. */
export interface SendingState {
  readonly id: number
  readonly pieces: readonly Uint8Array[]
}

/** Sends scripts to the guest's agent, each piece when it is asked for: `D` with more to come, `E` with the last one. */
export interface ScriptSender {
  /** Sends the first piece of a script; what was not sent of one before is dropped. */
  begin(id: number, pieces: readonly Uint8Array[]): void
  /** The guest has taken a piece. */
  taken(id: number): void
  /** Sends no more of a script. False when all of it was sent. */
  cancel(id: number): boolean
  save(): SendingState | null
  restore(state: SendingState | null): void
}

/** Scripts are for commands; what is larger goes into the image as a file, or over a device. */
const SCRIPT_LIMIT = 1024 * 1024
/**
 * A terminal of Linux holds 4096 bytes that nobody has read yet, and a serial line without flow control loses the rest
 * (drivers/tty/n_tty.c, N_TTY_BUF_SIZE). The guest asks for each piece.
 */
const PIECE = 2048

/** Throws VMBUS_MACHINE_EXEC for a script over SCRIPT_LIMIT. */
export function piecesOf(script: string): readonly Uint8Array[] {
  const all = new TextEncoder().encode(`${script}\n`)
  if (all.length > SCRIPT_LIMIT)
    throw new MachineError('VMBUS_MACHINE_EXEC', `a script of ${all.length} bytes is over ${SCRIPT_LIMIT}`, {
      bytes: all.length,
    })
  const pieces: Uint8Array[] = []
  for (let at = 0; at < all.length; at += PIECE) pieces.push(all.subarray(at, at + PIECE))
  return pieces
}

export function scriptSender(send: (bytes: Uint8Array) => void): ScriptSender {
  let sending: { readonly id: number; readonly pieces: Uint8Array[] } | undefined
  /** With the last piece the command begins. */
  const next = (id: number): void => {
    if (sending?.id !== id) return
    const piece = sending.pieces.shift() ?? new Uint8Array(0)
    const isLast = sending.pieces.length === 0
    if (isLast) sending = undefined
    send(Buffer.concat([Buffer.from(`${isLast ? 'E' : 'D'} ${id} ${piece.length}\n`), piece]))
  }
  return {
    begin(id, pieces) {
      sending = { id, pieces: [...pieces] }
      next(id)
    },
    taken: next,
    cancel(id) {
      if (sending?.id !== id) return false
      sending = undefined
      return true
    },
    save: () =>
      sending === undefined ? null : { id: sending.id, pieces: sending.pieces.map((piece) => piece.slice()) },
    restore(state) {
      sending = state === null ? undefined : { id: state.id, pieces: [...state.pieces] }
    },
  }
}
