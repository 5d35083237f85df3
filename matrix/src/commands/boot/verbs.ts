import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, posix, resolve } from 'node:path'
import { duration, oneOf } from '../arguments.ts'
import { backup, mergeBackup } from './backup.ts'
import type { RealDisk } from '../../real/storvsc.ts'
import { UsageError } from '../failure.ts'
import { wordsOf } from './words.ts'
import { ANSWER_SECONDS, ask, begin, call, fail, remove, tell, type Stage } from './verb-steps.ts'

interface Verb {
  readonly form: string
  readonly about: string
  /** The rest of the line is one word, as it stands: a shell in the guest takes it apart. */
  readonly raw?: true
  /** Throws on words that mean nothing, so that a script with an error in it never begins. */
  check?(words: readonly string[]): void
  run(stage: Stage, words: readonly string[]): Promise<void>
}

const COPY_SECONDS = 600
const PAGE = 4096

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }
const POOLS = ['external', 'guest', 'auto', 'auto-external'] as const
const LINKS = ['up', 'down'] as const
const ENDS = ['power-off', 'restart', 'hibernate'] as const

/** Bytes of `64M`, `1G`, `4096`. */
function sizeOf(text: string | undefined): number {
  const match = /^(\d+)([KMG]?)$/.exec(text ?? '')
  const bytes = Number(match?.[1]) * (UNITS[match?.[2] ?? ''] ?? 1)
  if (!Number.isSafeInteger(bytes)) throw new UsageError(`not a size: ${text ?? ''} (such as 64M)`)
  return bytes
}

/** Whole pages of `64M`. */
function pagesOf(text: string | undefined): number {
  const pages = Math.floor(sizeOf(text) / PAGE)
  if (pages === 0) throw new UsageError(`not a page of memory: ${text ?? ''} (such as 64M)`)
  return pages
}

function numberOf(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new UsageError(`not a number: ${text ?? ''}`)
  return Number(text)
}

const diskOf = (text: string): RealDisk => (existsSync(text) ? { file: resolve(text) } : { size: String(sizeOf(text)) })

/** As many words as the verb's form has parts: those in brackets may be left out, and after … come as many as there are. */
function checkCount(form: string, words: readonly string[]): void {
  const parts = form.split(' ').slice(1)
  const least = parts.filter((part) => !part.startsWith('[')).length
  if (words.length < least) throw new UsageError(`missing words: ${form}`)
  if (words.length > parts.length && !form.endsWith('…')) throw new UsageError(`too many words: ${form}`)
}

async function copy(stage: Stage, [from = '', to = '']: readonly string[]): Promise<void> {
  const bytes = new Uint8Array(await readFile(from))
  const folder = to.endsWith('/') ? to : posix.dirname(to)
  const name = to.endsWith('/') ? basename(from) : posix.basename(to)
  await call(stage, 'fcopy.file', { source: from, bytes })
  stage.say(`copying ${bytes.length} bytes to ${posix.join(folder, name)}`)
  // The daemon of Linux makes the folders that a slash follows (tools/hv/hv_fcopy_daemon.c, hv_start_fcopy).
  const path = folder.endsWith('/') ? folder : `${folder}/`
  const request = { source: from, size: bytes.length, path, name, overwrite: true, createPath: true }
  await ask(stage, 'fcopy.copy', request, 'fcopy:completed', COPY_SECONDS)
}

/** By name; the words of a line follow its verb. */
const VERBS: Readonly<Record<string, Verb>> = {
  wait: {
    form: 'wait DURATION',
    about: 'let guest time pass',
    check: ([time = '']) => void duration(time),
    run: ({ guest }, [time = '']) => guest.run(duration(time)),
  },
  exec: {
    form: 'exec COMMAND…',
    about: 'run a shell command in the guest',
    raw: true,
    async run({ guest, say }, [script = '']) {
      const { status, output } = await guest.exec(script)
      say(output.trimEnd())
      if (status !== 0) fail(`exit status ${status}`)
    },
  },
  inspect: { form: 'inspect', about: 'show the state of the host', run: (stage) => tell(stage, 'inspect') },
  'key-set': {
    form: 'key-set NAME VALUE…',
    about: 'set a key in the guest (kvp)',
    run: (stage, [key = '', ...value]) => ask(stage, 'kvp.set', { key, value: value.join(' ') }, 'kvp:completed'),
  },
  'key-delete': {
    form: 'key-delete NAME',
    about: 'delete a key in the guest (kvp)',
    run: (stage, [key = '']) => ask(stage, 'kvp.delete', { key }, 'kvp:completed'),
  },
  keys: {
    form: `keys [${POOLS.join('|')}]`,
    about: 'list the keys of a pool (kvp)',
    check: ([pool = 'auto']) => void oneOf('pool', POOLS, pool),
    run: (stage, [pool = 'auto']) => ask(stage, 'kvp.enumerate', { pool }, 'kvp:completed'),
  },
  backup: {
    form: 'backup',
    about: 'freeze the file systems, take a checkpoint of each disk, thaw (vss)',
    run: backup,
  },
  'backup-merge': {
    form: 'backup-merge',
    about: 'the backup is read: make each disk one image again, while the guest goes on',
    run: mergeBackup,
  },
  copy: { form: 'copy FILE PATH', about: 'copy a file into the guest (fcopy)', run: copy },
  'memory-take': {
    form: 'memory-take SIZE',
    about: 'take memory from the guest (balloon)',
    check: ([size]) => void pagesOf(size),
    run: (stage, [size]) => begin(stage, 'balloon.balloon', pagesOf(size), 'balloon:balloon'),
  },
  'memory-give': {
    form: 'memory-give SIZE',
    about: 'give memory back (balloon)',
    check: ([size]) => void pagesOf(size),
    run: (stage, [size]) => begin(stage, 'balloon.unballoon', pagesOf(size), 'balloon:unballoon'),
  },
  'network-link': {
    form: `network-link ${LINKS.join('|')}`,
    about: 'plug or unplug the cable (netvsc)',
    check: ([state = '']) => void oneOf('state of a link', LINKS, state),
    run: (stage, [state]) => tell(stage, 'netvsc.link', state === 'up'),
  },
  'network-remove': {
    form: 'network-remove',
    about: 'take the adapter away (netvsc)',
    run: (stage) => remove(stage, 'netvsc.remove'),
  },
  'network-add': { form: 'network-add', about: 'bring it back (netvsc)', run: (stage) => tell(stage, 'netvsc.add') },
  'disk-add': {
    form: 'disk-add DISK',
    about: 'add an empty disk of a size, or an image file (storvsc)',
    check: ([disk = '']) => void diskOf(disk),
    run: (stage, [disk = '']) => tell(stage, 'storvsc.add', diskOf(disk)),
  },
  'disk-remove': {
    form: 'disk-remove LUN',
    about: 'take a disk away (storvsc)',
    check: ([lun]) => void numberOf(lun),
    run: (stage, [lun]) => tell(stage, 'storvsc.remove', numberOf(lun)),
  },
  'disk-resize': {
    form: 'disk-resize LUN SIZE',
    about: 'grow or shrink a disk (storvsc)',
    check: ([lun, size]) => void [numberOf(lun), sizeOf(size)],
    run: (stage, [lun, size]) => tell(stage, 'storvsc.resize', { lun: numberOf(lun), bytes: sizeOf(size) }),
  },
  shutdown: {
    form: `shutdown [${ENDS.join('|')}]`,
    about: 'ask the guest, and wait until it has gone',
    check: ([action = 'power-off']) => void oneOf('end', ENDS, action),
    async run(stage, [action = 'power-off']) {
      const { guest, say } = stage
      const known = guest.events.length
      const answer = await call(stage, 'shutdown.request', { action })
      if (answer !== 'sent') fail(`not begun: ${String(answer)}`)
      const told = (): { readonly status: number } | undefined =>
        guest.events.slice(known).find(({ name }) => name === 'shutdown:answered')?.detail as { status: number }
      while (told() === undefined) await guest.until('event:shutdown:answered', { seconds: ANSWER_SECONDS })
      const { status = 0 } = told() ?? {}
      if (status !== 0) fail(`the guest answered 0x${status.toString(16)}`)
      say(`the guest ended with ${await guest.ended({ seconds: ANSWER_SECONDS })}`)
    },
  },
}

/** A line that is understood. */
export type Command = (stage: Stage) => Promise<void>

/**
 * One line: a verb and its words, in quotes where they have blanks; empty lines and those that begin with # do nothing. Throws
 * UsageError on what means nothing.
 */
export function readLine(line: string): Command {
  const [, name = '', rest = ''] = /^\s*(\S*)\s*([^]*?)\s*$/.exec(line) ?? []
  if (name === '' || name.startsWith('#')) return () => Promise.resolve()
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined
  if (verb === undefined) throw new UsageError(`unknown verb: ${name} (one of ${Object.keys(VERBS).join(', ')})`)
  const words = verb.raw !== true ? wordsOf(rest) : rest === '' ? [] : [rest]
  checkCount(verb.form, words)
  verb.check?.(words)
  return (stage) => verb.run(stage, words)
}

export const verbsHelp = (): string =>
  Object.values(VERBS)
    .map(({ form, about }) => `  ${form.padEnd(44)} ${about}`)
    .join('\n')
