import type { HostProfile } from '@vmbus/host'
import { diff, normalise, type Entry, type Line, type Normalised, type Provenance } from '@vmbus/trace'
import { createHash } from 'node:crypto'
import { TRACED } from '../../src/worlds/traced.ts'
import { bootGuest, type Kernel } from '../real-guest.ts'
import type { Scenario } from './scenario.ts'

const SEED = 1
const INITIATE_CONTACT = 14

/**
 * When the bus driver does not load, busybox's insmod tries it again another way. The tries must be the same exchange;
 * the first is what is kept.
 */
function firstTry(entries: readonly Entry[]): Entry[] {
  const contacts = entries.flatMap((entry, index) =>
    entry.kind === 'message' && entry.to === 'host' && entry.bytes[0] === INITIATE_CONTACT ? [index] : [],
  )
  const middle = contacts[contacts.length / 2]
  if (middle === undefined) return [...entries]
  const [first, second] = [entries.slice(0, middle), entries.slice(middle)]
  if (diff(normalise(first, TRACED), normalise(second, TRACED)).length > 0)
    throw new Error('insmod did not try the same twice')
  return first
}

/** Puts a kernel through a scenario on a host. A bus driver that finds no version gives up, and nothing is played. */
export async function record(
  scenario: Scenario,
  kernel: Kernel,
  profile: HostProfile,
): Promise<{ transcript: Normalised; provenance: Provenance }> {
  const { modules, packages, devices } = scenario
  const own = packages === undefined ? {} : { modules, packages }
  const host = { profile: profile.id, devices, transcriptBytes: 1 << 24 }
  await using guest = await bootGuest(kernel, host, { seed: SEED, ...own })
  await guest.load(modules)
  const isConnected = guest.modules['hv_vmbus']?.status === 0
  const outcome = isConnected ? await scenario.play(guest, profile) : 'gives up'
  const entries = (await guest.call('transcript')) as Entry[]
  const { image } = guest
  const name = image.name.split(' ').at(-1) ?? image.name
  return {
    transcript: beginningOf(normalise(isConnected ? entries : firstTry(entries), TRACED), scenario.keeps),
    provenance: {
      package: name,
      kernel: /linux-image-(.*?)-686/.exec(name)?.[1] ?? '',
      vmlinuzSha256: createHash('sha256').update(image.bzImage).digest('hex'),
      host: profile.id,
      seed: SEED,
      ...scenario.facts,
      outcome,
    },
  }
}

const beginningOf = ({ control, channels }: Normalised, packets = Infinity): Normalised => ({
  control,
  channels: Object.fromEntries(Object.entries(channels).map(([name, lines]) => [name, lines.slice(0, packets)])),
})

/** GPADL_HEADER, GPADL_CREATED, OPEN_CHANNEL, OPEN_CHANNEL_RESULT: each names its channel at byte 8. */
const OPENING = new Set([8, 10, 5, 6])

/**
 * The same transcript with the openings of channels one after another. Linux opens them in tasks of their own, and which
 * goes on first depends on where a tick of the scheduler falls, so on every instruction that the emulator counts.
 */
export function openingsInTurn(transcript: Normalised): Normalised {
  const isOpening = ({ bytes }: Line): boolean => OPENING.has(bytes[0] ?? 0)
  const openings = transcript.control.filter(isOpening).toSorted((a, b) => (a.bytes[8] ?? 0) - (b.bytes[8] ?? 0))
  const control = transcript.control.map((line) => (isOpening(line) ? (openings.shift() ?? line) : line))
  return { ...transcript, control: openIdsInTurn(control) }
}

/** OPEN_CHANNEL and OPEN_CHANNEL_RESULT: the open id, which the normaliser named by first appearance, stands at byte 12. */
function openIdsInTurn(control: readonly Line[]): Line[] {
  const names = new Map<number, number>()
  return control.map((line) => {
    if (line.bytes[0] !== 5 && line.bytes[0] !== 6) return line
    const bytes = line.bytes.slice()
    const id = bytes[12] ?? 0
    const name = names.get(id) ?? names.size + 1
    names.set(id, name)
    bytes[12] = name
    return { ...line, bytes }
  })
}

/**
 * The same transcript as a kernel of another name of the same length would have told it: the key-value daemon gives the
 * release that it runs on, so a newer package says another.
 */
export function asKernel({ control, channels }: Normalised, from: string, to: string): Normalised {
  const [old, now] = [Buffer.from(from, 'utf16le'), Buffer.from(to, 'utf16le')]
  const renamed = (line: Line): Line => {
    const at = old.length === now.length ? Buffer.from(line.bytes).indexOf(old) : -1
    if (at < 0) return line
    const bytes = line.bytes.slice()
    bytes.set(now, at)
    return { ...line, bytes }
  }
  return {
    control,
    channels: Object.fromEntries(Object.entries(channels).map(([name, lines]) => [name, lines.map(renamed)])),
  }
}
