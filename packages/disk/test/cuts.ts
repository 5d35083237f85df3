import { seeded } from '@vmbus/world'
import { powerCutStore, memoryStore, type BlockDevice, type PowerCutStore, type MemoryStore } from '@vmbus/disk'
import { contents, pattern, type Format } from './support.ts'

/** What a sector of 512 bytes may hold after a cut. */
const UNIT = 512
const ZEROS = Buffer.alloc(UNIT)

export interface CutOptions {
  readonly seed: number
  readonly size: number
  readonly steps: number
  /** About one in so many store operations is a place for a cut. */
  readonly every: number
  /** Cuts at each place. */
  readonly each: number
  readonly resize: boolean
  /**
   * The weaker guarantee of a format without log: while a resize runs, nothing is said of sectors behind the smaller
   * of the two sizes.
   */
  readonly weakResize: boolean
}

export interface CutReport {
  readonly cuts: number
  /** Cuts during the replay of a cut image. */
  readonly nested: number
  /** Cut images that had a log to replay. */
  readonly replayed: number
  readonly duringResize: number
  readonly failures: readonly string[]
}

/** Runs a disk on a power-cut store, and at many places opens what a cut would leave. */
export function cutRun(format: Format, options: CutOptions): CutReport {
  const seed = seeded(options.seed)
  const store = powerCutStore(seed)
  let disk = format.create(store, options.size)
  let flushed = Buffer.from(contents(disk))
  /** Values since the last flush of the units that were written, besides the flushed one. */
  const since = new Map<number, Buffer[]>()
  let resizing: { from: number; to: number } | undefined
  const report = { cuts: 0, nested: 0, replayed: 0, duringResize: 0, failures: [] as string[] }
  let operations = 0

  const fail = (what: string): void => {
    if (report.failures.length < 5)
      report.failures.push(`seed ${options.seed}, operation ${operations}, cut ${report.cuts}: ${what}`)
  }

  const check = (image: MemoryStore): void => {
    let cut: BlockDevice
    try {
      cut = format.open(image)
    } catch (error) {
      return fail(`does not open: ${String(error)}`)
    }
    const bytes = Buffer.from(contents(cut))
    const sizes = resizing === undefined ? [flushed.length] : [resizing.from, resizing.to]
    if (!sizes.includes(bytes.length)) return fail(`${bytes.length} bytes instead of ${sizes.join(' or ')}`)
    const sure = resizing !== undefined && options.weakResize ? Math.min(...sizes) : bytes.length
    const compared = Math.min(sure, flushed.length)
    if (bytes.compare(flushed, 0, compared, 0, compared) !== 0) {
      for (let at = 0; at < compared; at += UNIT) {
        if (bytes.compare(flushed, at, at + UNIT, at, at + UNIT) === 0) continue
        const unit = bytes.subarray(at, at + UNIT)
        if (!since.get(at / UNIT)?.some((value) => value.equals(unit)))
          return fail(`sector of 512 bytes ${at / UNIT} holds neither what was flushed nor what was written since`)
      }
    }
    for (let at = compared; at < sure; at += UNIT) {
      if (!bytes.subarray(at, at + UNIT).equals(ZEROS)) return fail(`grown sector ${at / UNIT} is not zeros`)
    }
  }

  /** Cuts once more while the image of the first cut is opened. */
  const checkDuringReplay = (image: MemoryStore): void => {
    const again = powerCutStore(seeded(options.seed * 1000 + report.cuts), image)
    const images: MemoryStore[] = []
    again.beforeOperation = () => images.push(again.cut(images.length))
    try {
      format.open(again)
    } catch {
      return
    }
    again.beforeOperation = undefined
    images.push(again.cut(images.length))
    if (images.length > 1) report.replayed++
    // The first few and the last: header, replay, header.
    for (const [i, each] of images.entries()) {
      if (i > 0 && seed.below(3, 'nested', report.cuts, i) !== 0) continue
      report.cuts++
      report.nested++
      check(each)
    }
  }

  const hook = (target: PowerCutStore): void => {
    target.beforeOperation = () => {
      operations++
      if (seed.below(options.every, 'place', operations) !== 0) return
      for (let i = 0; i < options.each; i++) {
        report.cuts++
        if (resizing !== undefined) report.duringResize++
        const image = target.cut(report.cuts)
        if (report.cuts % 6 === 0) checkDuringReplay(image.fork())
        check(image)
      }
    }
  }

  const settle = (): void => {
    since.clear()
    resizing = undefined
    flushed = Buffer.from(contents(disk))
  }
  const expectOk = (status: string): void => {
    if (status !== 'ok') fail(`answered ${status}`)
  }
  /** Allows `bytes` from `position` on, besides what was allowed already. */
  const allow = (position: number, bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; at += UNIT) {
      const unit = (position + at) / UNIT
      const values = since.get(unit) ?? []
      values.push(Buffer.from(bytes.subarray(at, at + UNIT)))
      since.set(unit, values)
    }
  }

  hook(store)
  const sector = disk.sectorSize
  for (let step = 0; step < options.steps; step++) {
    const draw = (bound: number, what: string): number => seed.below(bound, step, what)
    const kind = draw(20, 'kind')
    const from = draw(disk.sectors, 'from')
    const count = Math.min(disk.sectors - from, draw(3, 'long') === 0 ? 1 + draw(40, 'count') : 1 + draw(4, 'count'))
    const whole = draw(2, 'whole') === 0
    const blockSectors = 2 ** 20 / sector
    const start = whole ? from - (from % blockSectors) : from
    const length = whole ? Math.min(blockSectors, disk.sectors - start) : count
    if (kind < 10) {
      const data = pattern(count * sector, step + 1)
      allow(from * sector, data)
      expectOk(disk.write(from, [data]))
    } else if (kind < 12) {
      allow(start * sector, new Uint8Array(length * sector))
      expectOk(disk.discard(start, length))
    } else if (kind < 13) {
      allow(start * sector, new Uint8Array(length * sector))
      expectOk(disk.zero(start, length))
    } else if (kind < 17) {
      expectOk(disk.flush())
      settle()
    } else if (kind < 18) {
      disk.close()
      disk = format.open(store)
      settle()
    } else if (options.resize) {
      const sectors = 1 + draw((2 * options.size) / sector, 'resize')
      expectOk(disk.flush())
      settle()
      resizing = { from: disk.sectors * sector, to: sectors * sector }
      disk.resize(sectors)
      settle()
    }
  }
  store.beforeOperation = undefined
  check(memoryStoreOf(store))
  return report
}

/** What is left when the process ends without a cut: everything written. */
function memoryStoreOf(store: PowerCutStore): MemoryStore {
  const bytes = new Uint8Array(store.size)
  store.read(0, bytes)
  return memoryStore({ contents: bytes })
}
