import { readFileSync } from 'node:fs'
import type { HostProfile } from '@vmbus/host'
import type { Guest } from '@vmbus/machine-v86'
import { daemons, type Daemon } from '../kvp-vss-fcopy.ts'

/** A step of a script; packages/compliance/test/transcripts/script.ts says what each is, and does it to a simulated guest. */
type Step =
  | { readonly ask: string; readonly of: unknown }
  | { readonly begin: string; readonly of?: unknown }
  | { readonly events: string; readonly times: number }
  | { readonly file: string; readonly bytes: number }
  | { readonly start: readonly Daemon[] }
  | { readonly kill: Daemon }
  | { readonly seconds: number }

const folder = new URL('../../../packages/compliance/test/fixtures/scripts/', import.meta.url)

/** The event that ends what a device was asked for. */
const endOf = (action: string): string => {
  const [kind = '', verb = ''] = action.split('.')
  if (kind === 'vss') return 'vss:backup'
  return kind === 'balloon' ? `balloon:${verb === 'hotAdd' ? 'hot-add' : verb}` : `${kind}:completed`
}

const numberedFile = (bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, at) => (at % 2048 === 7 ? (at >> 11) + 1 : 0))

/** Takes a real guest through a script. An action of a device that this host does not have is passed by. */
export async function play(name: string, guest: Guest, profile: HostProfile): Promise<void> {
  const steps = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as readonly Step[]
  const count = (event: string): number => guest.events.filter((each) => each.name === event).length
  const awaitEvents = async (event: string, times: number): Promise<void> => {
    while (count(event) < times) await guest.until(`event:${event}`, { seconds: 400 })
  }
  const begin = async (action: string, of: unknown): Promise<boolean> => {
    if (!((action.split('.', 1)[0] ?? '') in profile.devices)) return false
    const taken = await guest.call(action, of)
    return typeof taken === 'number' || taken === 'begun'
  }
  for (const step of steps) {
    if ('ask' in step) {
      const before = count(endOf(step.ask))
      if (await begin(step.ask, step.of)) await awaitEvents(endOf(step.ask), before + 1)
    } else if ('begin' in step) await begin(step.begin, step.of)
    else if ('events' in step) await awaitEvents(step.events, count(step.events) + step.times)
    else if ('file' in step) {
      if ('fcopy' in profile.devices)
        await guest.call('fcopy.file', { source: step.file, bytes: numberedFile(step.bytes) })
    } else if ('start' in step) await daemons(guest, ...step.start)
    else if ('kill' in step) await guest.exec(`kill $(pidof hv_${step.kill}_daemon); sleep 1`)
    else await guest.run(step.seconds)
  }
}
