import { readFile } from 'node:fs/promises'
import { basename, posix } from 'node:path'
import type { Guest } from '@vmbus/machine-v86'
import { duration } from './arguments.ts'
import { UsageError } from './failure.ts'

/** Where a verb runs, and whom it tells. */
export interface Stage {
  readonly guest: Guest
  say(text: string): void
}

interface Verb {
  readonly form: string
  readonly about: string
  run(stage: Stage, words: readonly string[]): Promise<void>
}

/** Guest seconds for an answer: the daemons' own limits are 30 s. */
const ANSWER_SECONDS = 70
const COPY_SECONDS = 600
const PAGE = 4096

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1 << 10, M: 1 << 20, G: 1 << 30 }

/** Bytes of `64M`, `1G`, `4096`. */
function sizeOf(text: string | undefined): number {
  const match = /^(\d+)([KMG]?)$/.exec(text ?? '')
  if (match === null) throw new UsageError(`not a size: ${text ?? ''} (such as 64M)`)
  return Number(match[1]) * (UNITS[match[2] ?? ''] ?? 1)
}

function numberOf(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new UsageError(`not a number: ${text ?? ''}`)
  return Number(text)
}

/** Asks the host's device and waits for the event that ends the request with its id. */
async function ask(
  { guest, say }: Stage,
  action: string,
  argument: unknown,
  ending: string,
  seconds = ANSWER_SECONDS,
): Promise<void> {
  const id = await guest.call(action, argument)
  if (typeof id !== 'number') return say(`not begun: ${String(id)}`)
  const find = (): unknown =>
    guest.events.find(({ name, detail }) => name === ending && (detail as { readonly id?: number }).id === id)?.detail
  while (find() === undefined) await guest.until(`event:${ending}`, { seconds })
  say(JSON.stringify(find()))
}

/** For operations without an id: one at a time, ended by the next event of the name. */
async function begin({ guest, say }: Stage, action: string, argument: unknown, ending: string): Promise<void> {
  const begun = await guest.call(action, argument)
  if (begun !== 'begun') return say(`not begun: ${String(begun)}`)
  const before = guest.events.length
  const find = (): unknown => guest.events.slice(before).find(({ name }) => name === ending)?.detail
  while (find() === undefined) await guest.until(`event:${ending}`, { seconds: ANSWER_SECONDS })
  say(JSON.stringify(find()))
}

async function tell({ guest, say }: Stage, action: string, argument?: unknown): Promise<void> {
  const answer = await guest.call(action, argument)
  say(answer === undefined ? 'done' : JSON.stringify(answer))
}

async function copy(stage: Stage, [from = '', to = '']: readonly string[]): Promise<void> {
  const bytes = new Uint8Array(await readFile(from))
  const folder = to.endsWith('/') ? to : posix.dirname(to)
  const name = to.endsWith('/') ? basename(from) : posix.basename(to)
  await stage.guest.call('fcopy.file', { source: from, bytes })
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
    run: ({ guest }, [time = '']) => guest.run(duration(time)),
  },
  exec: {
    form: 'exec COMMAND…',
    about: 'run a shell command in the guest',
    async run({ guest, say }, words) {
      const { status, output } = await guest.exec(words.join(' '))
      say(`${output.trimEnd()}${status === 0 ? '' : `\n(exit status ${status})`}`)
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
    form: 'keys [external|guest|auto]',
    about: 'list the keys of a pool (kvp)',
    run: (stage, [pool = 'auto']) => ask(stage, 'kvp.enumerate', { pool }, 'kvp:completed'),
  },
  backup: {
    form: 'backup',
    about: 'freeze the file systems, take a snapshot, thaw (vss)',
    run: (stage) => ask(stage, 'vss.backup', {}, 'vss:backup'),
  },
  copy: { form: 'copy FILE PATH', about: 'copy a file into the guest (fcopy)', run: copy },
  'memory-take': {
    form: 'memory-take SIZE',
    about: 'take memory from the guest (balloon)',
    run: (stage, [size]) => begin(stage, 'balloon.balloon', Math.floor(sizeOf(size) / PAGE), 'balloon:balloon'),
  },
  'memory-give': {
    form: 'memory-give SIZE',
    about: 'give memory back (balloon)',
    run: (stage, [size]) => begin(stage, 'balloon.unballoon', Math.floor(sizeOf(size) / PAGE), 'balloon:unballoon'),
  },
  'network-link': {
    form: 'network-link up|down',
    about: 'plug or unplug the cable (netvsc)',
    run: (stage, [state]) => tell(stage, 'netvsc.link', state === 'up'),
  },
  'network-remove': {
    form: 'network-remove',
    about: 'take the adapter away (netvsc)',
    run: (stage) => tell(stage, 'netvsc.remove'),
  },
  'network-add': { form: 'network-add', about: 'bring it back (netvsc)', run: (stage) => tell(stage, 'netvsc.add') },
  'disk-add': {
    form: 'disk-add SIZE',
    about: 'add an empty disk (storvsc)',
    run: (stage, [size = '']) => tell(stage, 'storvsc.add', { size: String(sizeOf(size)) }),
  },
  'disk-remove': {
    form: 'disk-remove LUN',
    about: 'take a disk away (storvsc)',
    run: (stage, [lun]) => tell(stage, 'storvsc.remove', numberOf(lun)),
  },
  'disk-resize': {
    form: 'disk-resize LUN SIZE',
    about: 'grow or shrink a disk (storvsc)',
    run: (stage, [lun, size]) => tell(stage, 'storvsc.resize', { lun: numberOf(lun), bytes: sizeOf(size) }),
  },
  shutdown: {
    form: 'shutdown [power-off|restart|hibernate]',
    about: 'ask the guest, and wait until it has gone',
    async run({ guest, say }, [action = 'power-off']) {
      const answer = await guest.call('shutdown.request', { action })
      if (answer !== 'sent') return say(`not begun: ${String(answer)}`)
      say(`the guest ended with ${await guest.ended({ seconds: ANSWER_SECONDS })}`)
    },
  },
}

/** One line: a verb and its words; empty lines and those that begin with # do nothing. */
export async function runLine(stage: Stage, line: string): Promise<void> {
  const [name = '', ...words] = line.trim().split(/\s+/)
  if (name === '' || name.startsWith('#')) return
  const verb = VERBS[name]
  if (verb === undefined) throw new UsageError(`unknown verb: ${name} (one of ${Object.keys(VERBS).join(', ')})`)
  await verb.run(stage, words)
}

export const verbsHelp = (): string =>
  Object.values(VERBS)
    .map(({ form, about }) => `  ${form.padEnd(40)} ${about}`)
    .join('\n')
