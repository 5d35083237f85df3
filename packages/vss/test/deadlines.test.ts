import { icVersion } from '@vmbus/ic'
import { vss, type BackupResult, type FreezeTarget, type VssGuest, type VssHost } from '@vmbus/vss'
import { VSS_INSTANCE, VSS_INTERFACE } from '@vmbus/vss/protocol'
import { TICKS_PER_SECOND } from '@vmbus/world'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, rawDriver } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  type Step =
    | { readonly do: 'backup' | 'snapshot' | 'done' | 'fail' | 'daemon' | 'no-daemon' | 'save' }
    | { readonly do: 'wait'; readonly seconds: number }
  const kinds = [
    'backup',
    'backup',
    'backup',
    'snapshot',
    'done',
    'done',
    'done',
    'fail',
    'daemon',
    'no-daemon',
    'save',
    'save',
  ] as const
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 7, arbitrary: fc.record({ do: fc.constantFrom(...kinds) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(0, 0, 1, 20, 70, 1000) }),
    },
  )

  /** Longest that the guest may stand still: it recovers after a minute, however long the thaw itself then takes. */
  const FROZEN_SECONDS = 60

  it('every backup ends once, a snapshot counts only if the guest stood still, and no guest stays frozen', () => {
    const outcomes: Record<string, number> = {}
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (steps, laterFreeze, laterThaw, rescind) => {
          /** The file systems, beside the driver: operations under way in order. */
          const disk = { frozen: false, since: 0, under: [] as ('freeze' | 'thaw')[], longest: 0, missed: false }
          const set = (frozen: boolean): void => {
            if (disk.frozen && !frozen) disk.longest = Math.max(disk.longest, now() - disk.since)
            if (!disk.frozen && frozen) disk.since = now()
            disk.frozen = frozen
          }
          const operate = (kind: 'freeze' | 'thaw', later: boolean): boolean | undefined => {
            if (later) {
              disk.under.push(kind)
              return undefined
            }
            set(kind === 'freeze')
            return true
          }
          const target: FreezeTarget = {
            freeze: () => operate('freeze', laterFreeze),
            thaw: () => operate('thaw', laterThaw),
          }
          let driver: VssGuest | undefined
          const spec = vss.driver({ target })
          const device = vss({ snapshot: () => 'later', limits: { snapshot: 100 } })
          const made = world(device, { ...spec, create: (deps) => (driver = spec.create(deps)) })
          const now = (): number => Number((made.save() as { now: number }).now) / TICKS_PER_SECOND
          made.run(1)
          // A restore makes both ends anew.
          const host = (): VssHost => made.handle.device
          const guest = (): VssGuest => driver as unknown as VssGuest
          let begun = 0
          const consistent = new Map<number, boolean>()
          const finish = (ok: boolean): void => {
            const kind = disk.under.shift()
            if (kind === undefined) return
            if (ok) set(kind === 'freeze')
            guest().done(ok)
          }
          for (const each of steps) {
            if (each.do === 'backup' && typeof host().backup() === 'number') begun++
            if (each.do === 'snapshot') {
              const frozen = disk.frozen
              if (host().snapshotDone(true)) consistent.set(begun, frozen)
            }
            if (each.do === 'done' || each.do === 'fail') finish(each.do === 'done')
            if (each.do === 'daemon' || each.do === 'no-daemon') guest().setDaemon(each.do === 'daemon')
            if (each.do === 'save') made.restore(made.save())
            made.run(each.do === 'wait' ? each.seconds : 0)
          }
          if (rescind) made.handle.rescind()
          // The daemon finishes what it was asked to; then nothing may be frozen.
          for (let i = 0; i < 8; i++) {
            made.run(1000)
            finish(true)
          }
          made.run(1000)
          expect(disk.frozen).toBe(false)
          if (!laterFreeze && !laterThaw) expect(disk.longest).toBeLessThanOrEqual(FROZEN_SECONDS)
          const results = made.heard('backup') as BackupResult[]
          expect(results.map(({ id }) => id)).toEqual(Array.from({ length: begun }, (_, i) => i + 1))
          for (const { id, outcome, consistent: claimed } of results) {
            outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
            if (claimed) expect(consistent.get(id)).toBe(true)
          }
        },
      ),
      { seed: 11, numRuns: 150 },
    )
    expect(Object.keys(outcomes).toSorted()).toEqual(['closed', 'failed', 'ok', 'timeout'])
  })

  // FreeBSD answers no operation but check, freeze and thaw (sys/dev/hyperv/utilities/hv_snapshot.c, hv_vss_process_request).
  it('a guest that never answers the completion, as FreeBSD, can be backed up again, and a late answer counts for nothing', () => {
    const AT_OPERATION = 28
    const [CHECK, COMPLETE] = [2, 4]
    const operations: number[] = []
    const unanswered: Uint8Array[] = []
    const driver = rawDriver(VSS_INTERFACE, (message) => {
      const answer = message.slice()
      answer[25] = 5
      if (message[12] === 0) {
        answer.set([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0], AT_OPERATION)
        return [answer]
      }
      const operation = message[AT_OPERATION] ?? 0
      operations.push(operation)
      if (operation === COMPLETE) {
        unanswered.push(answer)
        return []
      }
      return operation === CHECK ? [...unanswered, answer] : [answer]
    })
    const asked: number[][] = []
    const made = world(vss({ snapshot: () => asked.push([...operations]) > 0 }), driver)
    made.run(1)
    for (const id of [1, 2]) {
      expect(made.handle.device.backup()).toBe(id)
      made.run(59)
      expect(made.handle.device.backup()).toBe('busy')
      made.run(2)
      expect(made.handle.device.inspect()).toMatchObject({ stage: 'idle', outstanding: false })
    }
    const result = { outcome: 'timeout', stage: 'complete', status: 0, consistent: true }
    expect(made.heard('backup')).toEqual([
      { id: 1, ...result },
      { id: 2, ...result },
    ])
    expect(asked).toEqual([
      [2, 5],
      [2, 5, 6, 4, 2, 5],
    ])
    expect(made.diagnostics.map(({ detail }) => detail)).toEqual([{ branch: 'response-unasked' }])
  })

  const bytes = fc.uint8Array({ minLength: 0, maxLength: 60 })

  it('a hostile guest delays a backup by no more than the limits, and ends it once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(6), bytes, fc.constantFrom(0, 0, 0, 0x80004005)), { minLength: 1, maxLength: 8 }),
        (answers) => {
          let turn = -1
          const driver = rawDriver(VSS_INTERFACE, (message) => {
            const answer = message.slice()
            answer[25] = 5
            if (turn++ < 0) {
              answer.set([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0], 28)
              return [answer]
            }
            const [how, noise, status] = answers[(turn - 1) % answers.length] ?? [0, new Uint8Array(1), 0]
            new DataView(answer.buffer).setUint32(20, status, true)
            if (how === 0) return []
            if (how === 1) return [Uint8Array.from([...noise, 0])]
            if (how === 2) return [answer, answer]
            if (how === 3) answer.set(noise.subarray(0, 24), 4)
            return [answer]
          })
          const made = world(vss({ limits: { freeze: 10, reply: 10 } }), driver)
          made.run(1)
          const host = made.handle.device
          expect(host.backup()).toBe(1)
          made.run(60)
          expect(made.heard('backup')).toHaveLength(1)
          made.handle.rescind()
          made.run(1)
          expect(made.heard('backup')).toHaveLength(1)
        },
      ),
      { seed: 12, numRuns: 100 },
    )
  })

  it('a hostile host freezes no guest for longer than its limit', () => {
    let froze = 0
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(9), fc.nat(60), fc.nat(40)), { minLength: 1, maxLength: 12 }), (list) => {
        let frozen = false
        const target: FreezeTarget = {
          freeze() {
            frozen = true
            froze++
            return true
          },
          thaw() {
            frozen = false
            return true
          },
        }
        const negotiation = requestOf(0, 0, Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 5, 0, 0, 0]))
        const messages = list.map(([operation, size, lie]) => {
          const message = requestOf(5, icVersion(5, 0), Uint8Array.from([operation, ...new Uint8Array(size)]))
          if (lie < 8) message[18] = lie
          return message
        })
        const made = world(
          rawComponent(VSS_INTERFACE, VSS_INSTANCE, [negotiation, ...messages], [], true),
          vss.driver({ target, limits: { frozen: 60 } }),
        )
        made.run(62)
        expect(frozen).toBe(false)
      }),
      { seed: 13, numRuns: 100 },
    )
    expect(froze).toBeGreaterThan(10)
  })
})
