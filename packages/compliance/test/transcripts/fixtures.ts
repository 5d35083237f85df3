import { fromFixture, type Normalised, type Provenance } from '@vmbus/trace'
import { readFileSync, readdirSync } from 'node:fs'

export interface Fixture {
  /** `debian-12-686`. */
  readonly kernel: string
  readonly host: string
  readonly provenance: Provenance
  readonly transcript: Normalised
}

const folder = new URL('../fixtures/transcripts/', import.meta.url)

/** Transcripts of real kernels, recorded by matrix/test/transcripts. */
export const fixtures = (): Fixture[] =>
  readdirSync(folder).flatMap((kernel) =>
    readdirSync(new URL(`${kernel}/`, folder)).map((file) => ({
      kernel,
      host: file.slice(0, -'.txt'.length),
      ...fromFixture(readFileSync(new URL(`${kernel}/${file}`, folder), 'utf8')),
    })),
  )
