import { fcopy, type CopyResult, type FcopyGuest, type FcopyHost } from '@vmbus/fcopy'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { disk } from './disk.ts'
import { worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const E_FAIL = 0x80004005
  const EXISTS = 0x80070050
  const FULL = 0x80070070
  const CAPACITY = 60_000

  interface Step {
    readonly path: string
    readonly name: string
    readonly size: number
    readonly overwrite: boolean
    readonly createPath: boolean
    /** Events of the world before something happens, and what. */
    readonly after: number
    readonly event: 'nothing' | 'save' | 'cancel' | 'daemon' | 'rescind'
  }

  const step: fc.Arbitrary<Step> = fc.record({
    path: fc.constantFrom('/in', '/in', '/in', '/new/deep'),
    name: fc.constantFrom('a', 'b', 'größe'),
    size: fc.constantFrom(0, 1, 6144, 6145, 20_000, 40_000),
    overwrite: fc.boolean(),
    createPath: fc.boolean(),
    after: fc.nat(20),
    event: fc.constantFrom('nothing', 'nothing', 'save', 'save', 'cancel', 'daemon', 'rescind'),
  })

  const contents = (size: number, salt: number): Uint8Array =>
    Uint8Array.from({ length: size }, (_, i) => (i * 31 + salt) & 0xff)

  const isSame = (one: Uint8Array | undefined, other: Uint8Array): boolean =>
    one !== undefined && Buffer.compare(one, other) === 0

  it('a guest has the files that were copied in full, as they were, and nothing else; each copy ends once', () => {
    const outcomes: Record<string, number> = {}
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const { files, os } = disk(CAPACITY)
        const source = {
          read(salt: string, offset: number, into: Uint8Array) {
            into.set(contents(offset + into.length, Number(salt)).subarray(offset))
            return true
          },
        }
        let driver: FcopyGuest | undefined
        const spec = fcopy.driver({ files: os, perSignal: 'one' })
        const made = world(fcopy({ source }), { ...spec, create: (deps) => (driver = spec.create(deps)) })
        made.run(1)
        const host = (): FcopyHost => made.handle.device
        const model = new Map<string, Uint8Array>()
        const folders = new Set(['/in'])
        let isGone = false
        for (const [salt, { path, name, size, overwrite, createPath, after, event }] of steps.entries()) {
          const id = host().copy({ source: String(salt), size, path, name, overwrite, createPath })
          expect(id).toBe(isGone ? 'not-connected' : salt + 1)
          if (isGone) continue
          for (let i = 0; i < after; i++) made.step()
          if (event === 'save') made.restore(made.save())
          if (event === 'cancel') host().cancel()
          if (event === 'daemon') driver?.setDaemon(false)
          if (event === 'rescind') {
            made.handle.rescind()
            isGone = true
          }
          made.run(1)
          if (event === 'daemon') driver?.setDaemon(true)

          const ended = (made.heard('completed') as CopyResult[]).filter((each) => each.id === id)
          expect(ended).toHaveLength(1)
          const { outcome, status, sent } = ended[0] as CopyResult
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
          const file = `${path}/${name}`
          if (event === 'nothing' || event === 'save') {
            const used = [...model.values()].reduce((sum, bytes) => sum + bytes.length, 0)
            const wanted =
              !createPath && !folders.has(path)
                ? [E_FAIL, EXISTS]
                : !overwrite && model.has(file)
                  ? [EXISTS]
                  : used + size > CAPACITY
                    ? [FULL]
                    : [0]
            expect(wanted).toContain(status)
          }
          if (outcome === 'ok') expect([sent, status]).toEqual([size, 0])
          if (os.create(`${path}/probe`) === 0) folders.add(path)
          os.remove(`${path}/probe`)
          // A guest that goes away with everything sent may have had the last word, too.
          const whole = contents(size, salt)
          const isLast = outcome === 'closed' && sent === size && isSame(files.get(file), whole)
          if (outcome === 'ok' || isLast) model.set(file, whole)
          // A copy that fails or ends early leaves what was there, and nothing of itself.
          expect([...files.keys()].toSorted()).toEqual([...model.keys()].toSorted())
          for (const [key, bytes] of model) expect(isSame(files.get(key), bytes)).toBe(true)
        }
      }),
      { seed: 24, numRuns: 80 },
    )
    // With immediate interrupts a copy is over when `copy` returns: nothing can happen under way.
    const possible = interrupts === 'deferred' ? ['cancelled', 'closed', 'failed', 'ok'] : ['failed', 'ok']
    expect(Object.keys(outcomes).toSorted()).toEqual(possible)
    expect(outcomes['ok']).toBeGreaterThan(100)
  })
})
