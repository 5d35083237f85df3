import { seeded } from '@vmbus/world'
import { powerCutStore, type CheckpointDisk, type PowerCutStore } from '@vmbus/disk'
import { openMedium, type Kind, type Medium } from './checkpoint-kinds.ts'
import { contents, pattern, sameBytes } from './support.ts'

const UNIT = 512

export interface CheckpointCutOptions {
  readonly seed: number
  readonly size: number
  readonly steps: number
  /** About one in so many store operations is a place for a cut. */
  readonly every: number
}

export interface CheckpointCutReport {
  readonly cuts: number
  /** Cuts while a checkpoint was being made, while one was being merged, and of media with a child. */
  readonly whileCreated: number
  readonly whileMerging: number
  readonly withChild: number
  readonly failures: readonly string[]
}

/** Writes, flushes, checkpoints and merges; at many operations of either store both lose their power at once. */
export function cutCheckpoints(kind: Kind, options: CheckpointCutOptions): CheckpointCutReport {
  const seed = seeded(options.seed)
  const report = { cuts: 0, whileCreated: 0, whileMerging: 0, withChild: 0, failures: [] as string[] }
  const flushed = new Uint8Array(options.size)
  /** What units that were written since the last flush may hold beside what was flushed. */
  const since = new Map<number, Uint8Array[]>()
  let doing: 'writes' | 'checkpoint' | 'merge' = 'writes'
  let operations = 0

  const fail = (what: string): void => {
    if (report.failures.length < 5)
      report.failures.push(`seed ${options.seed}, operation ${operations}, cut ${report.cuts}, ${doing}: ${what}`)
  }

  const check = (medium: Medium): void => {
    let disk: CheckpointDisk
    try {
      disk = openMedium(kind, medium, () => powerCutStore(seed))
    } catch (error) {
      return fail(`does not open: ${String(error)}`)
    }
    const bytes = contents(disk)
    for (let at = 0; at < bytes.length; at += UNIT) {
      const whole = at % (1 << 16) === 0 && at + (1 << 16) <= bytes.length
      if (whole && sameBytes(bytes.subarray(at, at + (1 << 16)), flushed.subarray(at, at + (1 << 16)))) {
        at += (1 << 16) - UNIT
        continue
      }
      const unit = bytes.subarray(at, at + UNIT)
      if (sameBytes(unit, flushed.subarray(at, at + UNIT))) continue
      if (!since.get(at / UNIT)?.some((value) => sameBytes(value, unit)))
        return fail(`sector ${at / UNIT} holds neither what was flushed nor what was written since`)
    }
    // What is left can be merged, and is the same then.
    if (disk.phase === 'none') return
    while (!disk.merge(1 << 19));
    if (!sameBytes(contents(disk), bytes)) fail('the merge after the cut changed the disk')
    disk.close()
    if (!sameBytes(contents(openMedium(kind, medium, () => powerCutStore(seed))), bytes))
      fail('the merge after the cut is not on the medium')
  }

  const hook = (store: PowerCutStore): PowerCutStore => {
    store.beforeOperation = () => {
      operations++
      if (seed.below(options.every, 'place', operations) !== 0) return
      report.cuts++
      if (doing === 'checkpoint') report.whileCreated++
      if (doing === 'merge') report.whileMerging++
      if (medium.child !== undefined) report.withChild++
      check({ below: medium.below.cut(report.cuts), child: medium.child?.cut(report.cuts) })
    }
    return store
  }

  const medium: Medium<PowerCutStore> = { below: powerCutStore(seed), child: undefined }
  kind.make(medium.below, options.size)
  medium.below.flush()
  hook(medium.below)
  let children = 0
  const disk = openMedium(kind, medium, () => hook(powerCutStore(seeded(options.seed * 1000 + ++children))))

  for (let step = 0; step < options.steps; step++) {
    const draw = (bound: number, what: string): number => seed.below(bound, step, what)
    const action = draw(10, 'kind')
    doing = 'writes'
    if (action < 5) {
      const from = draw(disk.sectors, 'from')
      const count = Math.min(disk.sectors - from, 1 + draw(40, 'count'))
      const zeros = action === 0
      const data = zeros ? new Uint8Array(count * UNIT) : pattern(count * UNIT, step + 1)
      for (let unit = 0; unit < count; unit++) {
        const values = since.get(from + unit) ?? []
        values.push(data.subarray(unit * UNIT, (unit + 1) * UNIT))
        since.set(from + unit, values)
      }
      const status = zeros ? disk.zero(from, count) : disk.write(from, [data])
      if (status !== 'ok') fail(status)
    } else if (action < 7) {
      if (disk.flush() !== 'ok') fail('flush')
      flushed.set(contents(disk))
      since.clear()
    } else if (disk.phase === 'none') {
      doing = 'checkpoint'
      disk.checkpoint()
      flushed.set(contents(disk))
      since.clear()
    } else if (action > 7 || disk.phase === 'merging') {
      doing = 'merge'
      disk.merge(1 + draw(60_000, 'bytes'))
    }
  }
  return report
}
