import { Duplex } from 'node:stream'

/** One end of a connection within this process, with the rules of a TCP socket of node:net. */
export class LocalEnd extends Duplex {
  #other: LocalEnd = this
  #resume: (() => void) | undefined

  /** Both ends of a new connection. */
  static pair(): [LocalEnd, LocalEnd] {
    const [one, two] = [new LocalEnd(), new LocalEnd()]
    one.#other = two
    two.#other = one
    return [one, two]
  }

  resetAndDestroy(): void {
    this.#other.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }))
    this.destroy()
  }

  override _read(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  override _write(chunk: Buffer, _: string, done: () => void): void {
    if (this.#other.push(chunk)) done()
    else this.#other.#resume = done
  }

  override _final(done: () => void): void {
    this.#other.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.writableFinished && !this.#other.destroyed) this.#other.push(null)
    done(error)
  }
}
