import fc from 'fast-check'
import { arrive, byGuest, fails, STRANGE, works } from './arrive.ts'
import { isSame } from './is-same.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** Blocks are of 6 KiB: none, a part of one, some. */
const file = fc.record({
  name: fc.string({ unit: fc.constantFrom(...Array.from('abcXYZ019_-.äß')), minLength: 1, maxLength: 30, size: 'max' }),
  size: fc.oneof(fc.constantFrom(0, 1, 6144, 12_288), fc.integer({ min: 2, max: 20_000 })),
  fill: fc.integer({ min: 0, max: 255 }),
})

async function copied(
  stage: Stage,
  { name: drawn, size, fill }: { name: string; size: number; fill: number },
): Promise<boolean | string> {
  // Windows has no names that end with a dot, and no system has `.` and `..`.
  const name = `f${drawn}x`
  const files = stage.files()
  const contents = Uint8Array.from({ length: size }, (_, index) => (fill + index * 7) & 0xff)
  files.provide('source', contents)
  const id = stage.device('fcopy').copy({ source: 'source', size, path: files.folder, name, overwrite: true })
  if (typeof id === 'string') return `the host takes no copy: ${id}`
  const end = await stage.answer('fcopy:completed', id)
  if (end?.outcome !== 'ok') return `the copy ends as ${end?.outcome ?? 'unanswered'}`
  const found = files.read(`${files.folder}${files.separator}${name}`)
  if (found === undefined) return 'the file is not there'
  return isSame(found, contents) || 'the file is another'
}

export const fileCopyProbe: Probe = {
  id: 'file-copy',
  feature: 'file-copy',
  version: 1,
  world: 'services',
  devices: ['fcopy'],
  reads: {
    linux: ['vmbus', 'fcopy', 'fcopyBy'],
    freebsd: ['vmbus'],
    windows: ['vmbus', 'fcopy'],
    host: ['vmbus', 'framework', 'fcopy'],
  },
  bytes: ['fcopy'],
  control: { fcopy: STRANGE },
  async measure(stage) {
    const found = await arrive(stage, 'fcopy')
    if (found !== undefined) return found
    const end = await stage.property('copies', file, (drawn) => copied(stage, drawn))
    return end.held ? works : fails(end.reason, byGuest('fcopy'))
  },
}
