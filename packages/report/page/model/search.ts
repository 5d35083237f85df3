import type { Feature, Host, Model, Release } from './model.ts'
import { familyName } from './names.ts'
import { placeName } from './place.ts'
import { formatRoute } from './route.ts'
import { OUTCOME_WORDS } from './words.ts'

export interface Hit {
  readonly text: string
  readonly hint: string
  readonly hash: string
}

const MOST_HITS = 9

/** What people type for what the catalog calls otherwise. */
const ALIASES: Readonly<Record<string, string>> = { redhat: 'rhel', suse: 'sles', win: 'windows', bsd: 'freebsd' }

/** Every word must match a guest, a host or a feature: `rhel 7.9 ws2022 trim` leads straight to the cell. */
export function search(model: Model, text: string): readonly Hit[] {
  const words = text
    .toLowerCase()
    .split(/[\s·,/]+/)
    .filter((word) => word !== '' && word !== '+')
    .map((word) => ALIASES[word] ?? word)
  if (words.length === 0) return []
  const { host, feature, rest } = sorted(model, words)
  if (rest.length === 0 && host !== undefined) return [hostHit(host, feature)]
  const hosts = model.hosts.filter((one) => rest.every((word) => hostText(one).includes(word)))
  const guests = ranked(model, rest).map((release) => guestHit(model, release, host, feature))
  return [
    ...guests.slice(0, MOST_HITS - Math.min(hosts.length, 3)),
    ...hosts.map((one) => hostHit(one, feature)),
  ].slice(0, MOST_HITS)
}

/** Takes the host and the feature out of the words; the rest has to name a guest. */
function sorted(model: Model, words: readonly string[]) {
  const host = model.hosts.find(({ id }) => words.includes(id))
  const named = words.filter((word) => word !== host?.id)
  const feature = model.features.find((one) => named.some((word) => namesFeature(one, word)))
  return { host, feature, rest: named.filter((word) => feature === undefined || !namesFeature(feature, word)) }
}

function namesFeature({ id, name }: Feature, word: string): boolean {
  const exact = word === id || word === name.toLowerCase()
  return exact || (word.length > 2 && (id.startsWith(word) || name.toLowerCase().startsWith(word)))
}

const hostText = ({ id, name, label }: Host) => `${id} ${name} ${label.join(' ')}`.toLowerCase()

/** Exact words before parts of words, in support before out of it, drivers built in before packages. */
function ranked(model: Model, words: readonly string[]): readonly Release[] {
  if (words.length === 0) return []
  return model.releases
    .map((release) => ({ release, points: pointsOf(release, words) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .map(({ release }) => release)
}

function pointsOf(release: Release, words: readonly string[]): number {
  const text =
    `${release.key} ${release.slug} ${familyName(release.family)} ${release.name} ${release.kernel}`.toLowerCase()
  const parts = text.split(/\s+/)
  const points = words.map((word) => (parts.includes(word) ? 3 : text.includes(word) ? 1 : 0))
  if (points.includes(0)) return 0
  return (
    points.reduce<number>((sum, one) => sum + one, 0) + (release.supported ? 0.4 : 0) - (release.line === '' ? 0 : 0.5)
  )
}

function guestHit(model: Model, release: Release, host: Host | undefined, feature: Feature | undefined): Hit {
  const query = host === undefined ? {} : { host: host.id }
  const route = { view: 'guest', id: release.slug, query } as const
  if (host === undefined)
    return {
      text: release.name,
      hint: `guest, ${release.supported ? 'in support' : 'out of support'}`,
      hash: formatRoute(route),
    }
  if (feature === undefined) return { text: `${release.name} on ${host.name}`, hint: 'guest', hash: formatRoute(route) }
  const place = { release, host, feature }
  return {
    text: `${release.name} on ${host.name}: ${feature.name}`,
    hint: OUTCOME_WORDS[model.storyAt(place).outcome],
    hash: formatRoute({ ...route, query: { ...query, cell: placeName(place) } }),
  }
}

const hostHit = (host: Host, feature: Feature | undefined): Hit => ({
  text: host.name,
  hint: 'host',
  hash: formatRoute({ view: 'host', id: host.id, query: feature === undefined ? {} : { group: feature.group } }),
})
