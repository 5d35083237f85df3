import { proofsOf } from '../../src/proofs.ts'
import type { Host, Model, Place, Release } from './model.ts'

/** `rhel-7.9/ws2022/trim` in the URL. */
export const placeName = ({ release, host, feature }: Place) => `${release.slug}/${host.id}/${feature.id}`

export function placeOf(model: Model, name: string | undefined): Place | undefined {
  const [slug, hostId, featureId] = (name ?? '').split('/')
  const release = model.releases.find((one) => one.slug === slug)
  const host = model.hosts.find(({ id }) => id === hostId)
  const feature = model.features.find(({ id }) => id === featureId)
  return release && host && feature && { release, host, feature }
}

/** Releases of the same family with drivers of the same origin: the one is the next version of the other. */
export const siblings = (model: Model, { family, line }: Release) =>
  model.releases.filter((other) => other.family === family && other.line === line)

/** The releases that are nearest to one and the hosts that are nearest to another, for the story's little grid. */
export function neighbours(model: Model, { release, host }: Place) {
  return {
    releases: around(siblings(model, release), release, 3),
    hosts: around<Host>(model.hosts, host, 5),
  }
}

function around<T>(all: readonly T[], one: T, width: number): readonly T[] {
  const first = Math.max(0, Math.min(all.indexOf(one) - Math.floor(width / 2), all.length - width))
  return all.slice(first, first + width)
}

/** The nearest neighbours that come out otherwise. */
export const proofs = (model: Model, { release, host, feature }: Place) =>
  proofsOf({
    release,
    host,
    releases: [...siblings(model, release)].sort((a, b) => a.index - b.index),
    hosts: [...model.hosts].sort((a, b) => a.index - b.index),
    storyAt: (ofRelease, onHost) => model.storyAt({ release: ofRelease, host: onHost, feature }),
    readsOf: model.readsOf,
  })
