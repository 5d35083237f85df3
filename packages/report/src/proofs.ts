import type { ReadField, Story } from './results/results.ts'

type Judged = Pick<Story, 'outcome' | 'decidedBy'>

/** Whether a cell works; undefined where nobody can say. A part that a field decided is lacking. */
function holds({ outcome, decidedBy }: Judged): boolean | undefined {
  if (outcome === 'not-run' || outcome === 'error' || outcome === 'not-applicable') return undefined
  return outcome === 'works' || (outcome === 'partial' && decidedBy === undefined)
}

/** The nearest on either side that is judged otherwise. */
function flipsAround<T>(all: readonly T[], one: T, judge: (each: T) => boolean | undefined): readonly T[] {
  const [at, own] = [all.indexOf(one), judge(one)]
  if (at < 0 || own === undefined) return []
  const isOther = (each: T): boolean => judge(each) === !own
  return [all.slice(0, at).findLast(isOther), all.slice(at + 1).find(isOther)].filter((each) => each !== undefined)
}

/** One guest on some hosts, and some guests on one host, of one feature. */
export interface Surroundings<Release, Host, S extends Judged> {
  readonly release: Release
  readonly host: Host
  /** In the order of their versions; of one line of drivers. */
  readonly releases: readonly Release[]
  /** In the order of their builds. */
  readonly hosts: readonly Host[]
  storyAt(release: Release, host: Host): S
  readsOf(story: S): readonly ReadField[]
}

/** A neighbour that comes out otherwise: the same guest on another host, or another guest on the same host. */
export interface Proof<Release, Host, S> {
  readonly of: 'guest' | 'host'
  readonly release: Release
  readonly host: Host
  readonly story: S
  /** The field that decides the one or the other, as it is here and there; absent where no field of that side does. */
  readonly here?: ReadField
  readonly there?: ReadField
}

/** The nearest neighbours of a cell that come out otherwise, hosts first: what differs between them and the cell is what decides. */
export function proofsOf<Release, Host, S extends Judged>({
  release,
  host,
  releases,
  hosts,
  storyAt,
  readsOf,
}: Surroundings<Release, Host, S>): readonly Proof<Release, Host, S>[] {
  const own = storyAt(release, host)
  const proof = (of: 'guest' | 'host', there: { readonly release: Release; readonly host: Host }) => {
    const story = storyAt(there.release, there.host)
    const decider = [own, story].find(({ decidedBy }) => decidedBy?.of === of)?.decidedBy
    const fieldOf = (each: S): ReadField | undefined =>
      decider && readsOf(each).find((read) => read.of === of && read.field === decider.field)
    const [fieldHere, fieldThere] = [fieldOf(own), fieldOf(story)]
    return {
      of,
      ...there,
      story,
      ...(fieldHere !== undefined && { here: fieldHere }),
      ...(fieldThere !== undefined && { there: fieldThere }),
    }
  }
  return [
    ...flipsAround(hosts, host, (each) => holds(storyAt(release, each))).map((each) =>
      proof('host', { release, host: each }),
    ),
    ...flipsAround(releases, release, (each) => holds(storyAt(each, host))).map((each) =>
      proof('guest', { release: each, host }),
    ),
  ]
}

/** Where a release has its drivers from beside its kernel: `lis 4.3`; empty for those built in. */
export const driverLine = (key: string): string => key.split(' + ')[1] ?? ''
