import { gunzipSync, gzipSync } from 'node:zlib'
import { finish, type Session, type Waited } from '@vmbus/machine-v86'
import { TICKS_PER_SECOND } from '@vmbus/world'
import { GuestHung } from '../../probes/errors.ts'
import { GuestEnded } from './errors.ts'

/** A guest's command line, and its time. Each call ends when the guest has answered. */
export interface Shell {
  /** Reference time, 100 ns units. */
  readonly now: number
  /** What a script prints; of one that fails, undefined. Throws GuestEnded and GuestHung. */
  run(script: string, seconds?: number): string | undefined
  /** The same, once for a moment: what was printed at this time is not asked for again. */
  look(script: string): string
  /** A file of the guest, or undefined. */
  read(path: string): Uint8Array | undefined
  pass(seconds: number): void
}

export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** A pipe that brings bytes into the guest. The busybox of Debian 11 has no base64, and uudecode knows it as well. */
export const bytesInto = (bytes: Uint8Array): string =>
  `printf 'begin-base64 600 x\\n%s\\n====\\n' ${gzipSync(bytes).toString('base64')} | uudecode -o - | gunzip`

/** What a pipe ends with that brings bytes out of it, and what they are. */
export const BYTES_OUT = 'gzip -1 | uuencode -m x'
const LINES = /^begin-base64.*\n|^====$/gm
export const bytesOf = (output: string): Uint8Array =>
  new Uint8Array(gunzipSync(Buffer.from(output.replaceAll(LINES, ''), 'base64')))

const DEFAULT_SECONDS = 120

export function shellOf(session: () => Session): Shell {
  let looked: { readonly at: number; readonly script: string; readonly output: string } | undefined
  const now = (): number => session().machine.clock.now()
  const valueOf = <T>(waited: Waited<T>, what: string): T => {
    if ('value' in waited) return waited.value
    if ('timeout' in waited) throw new GuestHung(`no answer to ${what}`)
    throw new GuestEnded(waited.ended, session().result().evidence)
  }
  const shell: Shell = {
    get now() {
      return now()
    },
    run(script, seconds = DEFAULT_SECONDS) {
      const { status, output } = valueOf(finish(session().exec(script, seconds)), script.slice(0, 80))
      return status === 0 ? output : undefined
    },
    look(script) {
      if (looked?.at === now() && looked.script === script) return looked.output
      const output = shell.run(script) ?? ''
      looked = { at: now(), script, output }
      return output
    },
    read(path) {
      const output = shell.run(
        `[ -e ${quoted(path)} ] && ${BYTES_OUT.replace('gzip -1', `gzip -1 -c ${quoted(path)}`)}`,
      )
      return output === undefined ? undefined : bytesOf(output)
    },
    pass(seconds) {
      const waited = finish(session().run(seconds))
      // Time that passes beyond a power-off passes all the same.
      if ('ended' in waited && waited.ended !== 'poweroff')
        throw new GuestEnded(waited.ended, session().result().evidence)
    },
  }
  return shell
}

export const ticks = (seconds: number): number => seconds * TICKS_PER_SECOND
