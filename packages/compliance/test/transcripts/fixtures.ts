import { fromFixture, type Normalised, type Provenance } from '@vmbus/trace'
import { existsSync, readFileSync, readdirSync } from 'node:fs'

export interface Fixture {
  /** `debian-12-686`. */
  readonly kernel: string
  readonly host: string
  readonly provenance: Provenance
  readonly transcript: Normalised
}

const folder = new URL('../fixtures/transcripts/', import.meta.url)

/** Transcripts of real kernels in a scenario, recorded by matrix/test/transcripts; `of`: those of `kernel/host`, default all. */
export function fixtures(scenario: string, of?: readonly string[]): Fixture[] {
  const here = new URL(`${scenario}/`, folder)
  if (!existsSync(here)) return []
  return readdirSync(here)
    .flatMap((kernel) =>
      readdirSync(new URL(`${kernel}/`, here)).map((file) => ({ kernel, host: file.slice(0, -'.txt'.length) })),
    )
    .filter(({ kernel, host }) => of?.includes(`${kernel}/${host}`) ?? true)
    .map(({ kernel, host }) => ({
      kernel,
      host,
      ...fromFixture(readFileSync(new URL(`${kernel}/${host}.txt`, here), 'utf8')),
    }))
}
