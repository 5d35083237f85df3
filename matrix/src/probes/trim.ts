import fc from 'fast-check'
import { arrive, byGuest, fails, works } from './arrive.ts'
import { isSame } from './is-same.ts'
import type { Probe } from './probe.ts'
import type { Stage } from './stage.ts'

/** A block of an image below 1 GiB, which gives space back by whole ones ([MS-VHDX] 2.6.2.1). */
const BLOCK = 1 << 20
const PIECE = 128 << 10

const pieces = fc.array(fc.record({ block: fc.nat(15), fill: fc.integer({ min: 1, max: 255 }), kept: fc.boolean() }), {
  minLength: 1,
  maxLength: 6,
  size: 'max',
})

const NOTHING = { ok: true, outcome: 'good' }

const piece = (fill: number): Uint8Array => new Uint8Array(PIECE).fill(fill)

/** Writes blocks and gives the first and some others back: the image is smaller by these, and the others are as they were. */
async function givenBack(
  stage: Stage,
  list: readonly { readonly block: number; readonly fill: number; readonly kept: boolean }[],
): Promise<boolean | string> {
  const [disk, medium] = [stage.disk(), stage.medium('storvsc')]
  const contents = new Map<number, number>()
  const gone = new Set<number>()
  for (const [index, { block, fill, kept }] of list.entries()) {
    await disk.write(block * BLOCK, piece(fill))
    contents.set(block, fill)
    if (index === 0 || !kept) gone.add(block)
  }
  await disk.flush()
  const full = medium.allocated
  for (const block of gone) {
    // A system that does not ask whether the disk takes space back gives none.
    const { ok, outcome } = disk.canDiscard ? await disk.discard(block * BLOCK, BLOCK) : NOTHING
    if (!ok) return `giving back ends as ${outcome}`
  }
  await disk.flush()
  if (full - medium.allocated < gone.size * PIECE) return 'the image keeps what the guest gave back'
  for (const [block, fill] of contents) {
    const { data } = await disk.read(block * BLOCK, PIECE)
    // What is given back reads as before, or as zeros (SBC-3, 4.7.4.4).
    if (!isSame(data, piece(fill)) && !(gone.has(block) && isSame(data, piece(0))))
      return 'the disk loses what was kept'
  }
  return true
}

const DECIDES = { linux: 'vpd', freebsd: 'unmap', windows: 'storvsc' } as const

export const trimProbe: Probe = {
  id: 'trim',
  feature: 'trim',
  version: 3,
  world: 'storage',
  devices: ['storvsc'],
  needs: { field: 'trim', reason: 'the host takes no space back' },
  reads: {
    linux: ['vmbus', 'storvsc', 'vpd'],
    freebsd: ['vmbus', 'storvsc', 'storvscChoice', 'unmap'],
    windows: ['vmbus', 'storvsc'],
    host: ['vmbus', 'storvsc'],
  },
  bytes: ['storvsc'],
  control: { vpd: false },
  async measure(stage) {
    const found = await arrive(stage, 'storvsc')
    if (found !== undefined) return found
    if (!(await stage.until(() => stage.disks.length > 0))) return fails('no disk was found', byGuest('storvsc'))
    const decides = byGuest(DECIDES[stage.family])
    const end = await stage.property('gives back', pieces, (list) => givenBack(stage, list))
    return end.held ? works : fails(end.reason, decides)
  },
}
