import { bytes, nullable, oneOf, restoreState, stateForm } from '@vmbus/world'

/** Error numbers of FreeBSD (sys/sys/errno.h). */
export const Errno = { noEntry: 2, busy: 16, invalid: 22, notSupported: 45 } as const

/** A driver's side of a character device. */
export interface NodeDriver {
  opened(): void
  closed(): void
  /** A message of the process that has it open; 0 or an error number. */
  written(message: Uint8Array): number
}

/** A character device as a process uses it: `read` and `write` of the key-value node, IOCHVVSSREAD and IOCHVVSSWRITE. */
export interface DeviceNode {
  readonly path: string
  /** Nobody, the system's own daemon, or a program of yours. */
  readonly user: 'nobody' | 'daemon' | 'program'
  /** 0, or EBUSY: one process at a time; ENOENT before its driver is there. */
  open(): number
  /** What the kernel has to say, once; undefined while there is nothing. */
  read(): Uint8Array | undefined
  /** 0, or EINVAL. */
  write(message: Uint8Array): number
  close(): void
}

interface State {
  readonly user: DeviceNode['user']
  readonly message: Uint8Array | null
}

const FORM = stateForm<State>('freebsd-node', 1, {
  user: oneOf('nobody', 'daemon', 'program'),
  message: nullable(bytes()),
})

/** A node as the system has it: `daemon` is what the system's own daemon answers to a message, undefined for nothing. */
export class CharacterDevice implements DeviceNode {
  readonly path: string
  readonly #answer: (message: Uint8Array) => Uint8Array | undefined
  #state: State = { user: 'nobody', message: null }
  #driver: NodeDriver | undefined
  /** Its driver has made it: devd(8) starts what shall run then. */
  appeared: (() => void) | undefined

  constructor(path: string, answer: (message: Uint8Array) => Uint8Array | undefined) {
    this.path = path
    this.#answer = answer
  }

  get user(): DeviceNode['user'] {
    return this.#state.user
  }
  get isOpen(): boolean {
    return this.#state.user !== 'nobody'
  }

  get exists(): boolean {
    return this.#driver !== undefined
  }

  /** The driver makes the node; one that is made later makes it anew. */
  attach(driver: NodeDriver): void {
    this.#state = { user: 'nobody', message: null }
    this.#driver = driver
    this.appeared?.()
  }
  open(user: 'daemon' | 'program' = 'program'): number {
    if (this.#driver === undefined) return Errno.noEntry
    if (this.isOpen) return Errno.busy
    this.#state = { ...this.#state, user }
    this.#driver.opened()
    return 0
  }
  close(): void {
    if (!this.isOpen) return
    this.#state = { user: 'nobody', message: null }
    this.#driver?.closed()
  }
  /** The driver's message for whoever has it open. */
  post(message: Uint8Array): void {
    this.#state = { ...this.#state, message }
    if (this.#state.user !== 'daemon') return
    const read = this.read()
    const answer = read === undefined ? undefined : this.#answer(read)
    if (answer !== undefined) this.write(answer)
  }
  /** Takes back what nobody has read. */
  drop(): void {
    this.#state = { ...this.#state, message: null }
  }
  read(): Uint8Array | undefined {
    const { message } = this.#state
    this.#state = { ...this.#state, message: null }
    return message ?? undefined
  }
  write(message: Uint8Array): number {
    return this.#driver?.written(message) ?? Errno.invalid
  }
  save(): unknown {
    return { ...FORM.head, ...this.#state }
  }
  restore(saved: unknown): void {
    const { user, message } = restoreState(saved, FORM)
    this.#state = { user, message }
  }
}
