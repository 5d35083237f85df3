import { seeded } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import { powerCutStore } from '@vmbus/disk'
import { cutRun } from './cuts.ts'
import { contents, formats, parentSize, pattern, sameBytes } from './support.ts'

const withLog = formats.filter(({ name }) => name.startsWith('vhdx'))
const withoutLog = formats.filter(({ name }) => name.startsWith('vhd '))

describe.each(withLog)('$name, power cuts', (format) => {
  it('opens, and what was flushed is intact', () => {
    const report = cutRun(format, {
      seed: 3,
      size: parentSize,
      steps: 30,
      every: 8,
      each: 2,
      resize: true,
      weakResize: false,
    })
    expect(report.failures).toEqual([])
    expect(report.cuts).toBeGreaterThan(15)
  })
})

describe.each(withoutLog)('$name, power cuts, by order of writes alone', (format) => {
  it('opens, and what was flushed is intact where no resize was cut', () => {
    const resize = format.parent === undefined
    const report = cutRun(format, { seed: 5, size: parentSize, steps: 30, every: 8, each: 2, resize, weakResize: true })
    expect(report.failures).toEqual([])
    expect(report.cuts).toBeGreaterThan(4)
  })
})

describe.each(formats)('$name, power cuts while it is closed', (format) => {
  it('loses nothing that was flushed', () => {
    const store = powerCutStore(seeded(31))
    const disk = format.create(store, parentSize)
    disk.write(0, [pattern(disk.sectorSize, 1)])
    disk.flush()
    disk.write(disk.sectors - 1, [pattern(disk.sectorSize, 2)])
    disk.write(300, [pattern(disk.sectorSize, 3)])
    disk.flush()
    const flushed = contents(disk)
    let cuts = 0
    let wrong = 0
    store.beforeOperation = () => {
      for (let i = 0; i < 3; i++) if (!sameBytes(contents(format.open(store.cut(cuts++))), flushed)) wrong++
    }
    disk.close()
    store.beforeOperation?.()
    expect(wrong).toBe(0)
    expect(cuts).toBeGreaterThan(4)
  })

  it('opens, with each unflushed sector old or new', () => {
    const store = powerCutStore(seeded(32))
    const disk = format.create(store, parentSize)
    disk.flush()
    const before = contents(disk)
    const sectors = [0, 300, disk.sectors - 1]
    for (const sector of sectors) disk.write(sector, [pattern(disk.sectorSize, 9)])
    const after = contents(disk)
    let cuts = 0
    const wrong: string[] = []
    store.beforeOperation = () => {
      for (let i = 0; i < (format.name === 'vhdx differencing' ? 24 : 4); i++) {
        try {
          const got = contents(format.open(store.cut(cuts++)))
          for (let at = 0; at < got.length; at += 512) {
            const piece = got.subarray(at, at + 512)
            if (!sameBytes(piece, after.subarray(at, at + 512)) && !sameBytes(piece, before.subarray(at, at + 512)))
              wrong.push(`cut ${cuts}: at ${at}`)
          }
        } catch (error) {
          wrong.push(`cut ${cuts}: ${String(error)}`)
        }
      }
    }
    disk.close()
    store.beforeOperation?.()
    expect(wrong.slice(0, 3)).toEqual([])
    expect(cuts).toBeGreaterThan(4)
  })
})
