import { worlds } from '@vmbus/ic/testing'
import { vss, type VssHostOptions } from '@vmbus/vss'
import { damaged, taken } from '@vmbus/world/testing'
import { describe, expect, it } from 'vitest'
import { MODES, pairs, type Pair } from './pair.ts'

const E_FAIL = 0x80004005

describe.each(MODES)('interrupts %s, saved %s', (interrupts, save) => {
  const world = worlds(interrupts, save)
  const pair = pairs(world)

  describe('a backup saved and restored', () => {
    /** Into the device of another host, as a move of the guest does. */
    const moved = (from: Pair): Record<string, unknown> => {
      const saved = structuredClone(from.host.save()) as object
      from.made.restore(structuredClone(from.made.save()))
      expect(from.host.save()).toEqual(saved)
      return saved as Record<string, unknown>
    }

    it.each([true, false])('between the snapshot and the result is what it was: taken is %s', (took) => {
      const both = pair({ later: ['thaw'] }, { snapshot: () => 'later', limits: { snapshot: 600 } })
      both.host.backup()
      both.made.run(1)
      both.host.snapshotDone(took)
      both.made.run(1)
      expect(moved(both)).toMatchObject({ stage: 'thaw', taken: took, ended: !took, status: 0 })
      both.guest.done(true)
      both.made.run(1)
      expect(both.results()).toMatchObject([
        took
          ? { id: 1, outcome: 'ok', stage: 'complete', consistent: true }
          : { id: 1, outcome: 'failed', stage: 'snapshot', consistent: false },
      ])
      expect(both.host.backup()).toBe(2)
    })

    it('at any moment ends as it would have, and its time goes on', () => {
      const both = pair({ later: ['freeze'] }, { limits: { freeze: 30 } })
      both.host.backup({ backupType: 2 })
      both.made.run(20)
      expect(moved(both)).toMatchObject({ stage: 'freeze', request: { backupType: 2 }, taken: false })
      both.made.run(9)
      expect(both.results()).toEqual([])
      both.made.run(2)
      expect(both.results()).toMatchObject([{ outcome: 'timeout', stage: 'freeze' }])
      expect(moved(both)).toMatchObject({ ended: true, deadline: Infinity })
      both.guest.done(true)
      both.made.run(1)
      expect(both.disk.log).toEqual(['freeze', 'thaw'])
      expect(both.results()).toHaveLength(1)
    })

    it('keeps what the guest owes its host: the answer, and the thaw of a freeze that nobody waits for', () => {
      const { made, host, guest, disk, results } = pair({ later: ['freeze'], limits: { freeze: 10 } })
      host.backup()
      made.run(5)
      const saved = guest.save() as { pending: { answer: { bytes: Uint8Array } } }
      const bytes = saved.pending.answer.bytes.slice()
      made.restore(structuredClone(made.save()))
      made.run(6)
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'freeze', status: E_FAIL }])
      // The answer was made in other bytes than those that were saved.
      expect(saved.pending.answer.bytes).toEqual(bytes)
      made.restore(structuredClone(made.save()))
      disk.frozen = true
      guest.done(true)
      expect(disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
    })
  })

  it('a guest that left speaks no version, and is not frozen', () => {
    const { made, host, guest, disk } = pair({}, { snapshot: () => 'later', limits: { snapshot: 600 } })
    guest.setDaemon(false)
    guest.setDaemon(true)
    // Nothing was frozen or asked for: nothing is thawed, nothing is answered.
    guest.done(true)
    expect([disk.log, made.happened.filter(({ end }) => end === 'guest')]).toEqual([[], []])
    host.backup()
    made.run(1)
    expect(made.heard('frozen', 'guest')).toHaveLength(1)
    expect(guest.inspect()).toEqual({ framework: 0x3_0000, message: 0x7_0000, daemon: true, frozen: 'yes' })
    made.guestBus.suspend()
    made.run(1)
    expect(guest.inspect()).toEqual({ framework: 0, message: 0, daemon: true, frozen: 'no' })
    expect(made.heard('thawed', 'guest')).toEqual([{ byHost: false }])
    made.guestBus.resume()
    made.run(1)
    expect(host.backup()).toBe(2)
    made.run(1)
    host.snapshotDone(true)
    made.run(1)
    expect(made.heard('thawed', 'guest')).toEqual([{ byHost: false }, { byHost: true }])
    made.handle.rescind()
    made.run(1)
    expect(guest.inspect()).toMatchObject({ message: 0, frozen: 'no' })
  })

  describe('who is told', () => {
    it('of the end of a backup may begin the next at once', () => {
      const { made, host, results } = pair({ later: ['freeze'] })
      const begun: unknown[] = []
      made.hostBus.on((event) => {
        if (event.kind === 'device' && event.name === 'backup' && begun.length < 2) begun.push(host.backup())
      })
      host.backup()
      made.run(1)
      made.handle.rescind()
      made.run(1)
      expect([results().length, begun]).toEqual([1, ['not-connected']])
      const again = pair()
      const ids: unknown[] = []
      again.made.hostBus.on((event) => {
        if (event.kind === 'device' && event.name === 'backup' && ids.length < 2) ids.push(again.host.backup())
      })
      again.host.backup()
      again.made.run(1)
      expect([ids, again.results().map(({ outcome }) => outcome)]).toEqual([
        [2, 3],
        ['ok', 'ok', 'ok'],
      ])
    })

    it.each([true, false])(
      'to freeze and thaw may say how it went before it returns, answering %s later',
      (returns) => {
        const log: string[] = []
        const stand = (what: string): boolean | undefined => {
          log.push(what)
          both.guest.done(true)
          return returns ? true : undefined
        }
        const both: Pair = pair({ target: { freeze: () => stand('freeze'), thaw: () => stand('thaw') } })
        both.host.backup()
        both.made.run(1)
        expect(both.results()).toMatchObject([{ outcome: 'ok', consistent: true, status: 0 }])
        expect(log).toEqual(['freeze', 'thaw'])
        expect(both.guest.inspect()).toMatchObject({ frozen: 'no' })
        both.made.run(2000)
        expect(log).toEqual(['freeze', 'thaw'])
      },
    )

    it('to thaw and cannot is asked again in its time, not at once, whether it says so now or later', () => {
      for (const how of ['returns', 'done within', 'done later'] as const) {
        let asked = 0
        const target = {
          freeze: () => true,
          thaw() {
            asked++
            if (how === 'done within') both.guest.done(false)
            return how === 'returns' ? false : undefined
          },
        }
        const both: Pair = pair(
          { target, limits: { reply: 30 } },
          { snapshot: () => 'later', limits: { snapshot: 600 } },
        )
        both.host.backup()
        both.made.run(1)
        both.guest.setDaemon(false)
        if (how === 'done later') both.guest.done(false)
        expect([asked, both.guest.frozen]).toEqual([1, true])
        expect(both.made.diagnostics.map(({ code }) => code)).toEqual(['VMBUS_VSS_THAW'])
        both.made.run(29)
        expect(asked).toBe(1)
        both.made.run(2)
        expect(asked).toBe(2)
      }
    })
  })

  describe('what is given', () => {
    const device = () => pair().host
    it.each<[string, () => unknown]>([
      ['vss.limits.freeze', () => vss({ limits: { freeze: Number.NaN } })],
      ['vss.limits.frozen', () => vss({ limits: { frozen: 1 } } as VssHostOptions)],
      ['vss.snapshots', () => vss({ snapshots: () => true } as VssHostOptions)],
      ['vss.snapshot', () => vss({ snapshot: true } as unknown as VssHostOptions)],
      ['vss.driver.target', () => pair({ target: undefined as never })],
      ['vss.driver.limits.frozen', () => pair({ limits: { frozen: 0 } })],
      ['vss.driver.busSince', () => pair({ busSince: -1 })],
      ['vss.backup.lun', () => device().backup({ lun: [] } as never)],
      ['vss.backup.backupType', () => device().backup({ backupType: Number.NaN })],
      [
        'vss.backup.luns[0].controller',
        () => device().backup({ luns: [{ busType: 1, controller: 'x', target: 0, lun: 0 }] }),
      ],
      [
        'vss.backup.luns[0].lun',
        () =>
          device().backup({
            luns: [{ busType: 1, controller: '00000000-0000-0000-0000-000000000001', target: 0, lun: 256 }],
          }),
      ],
    ])('is refused by its name when it is none: %s', (where, give) => {
      expect(give).toThrow(
        expect.objectContaining({
          code: 'VMBUS_OPTIONS_INVALID',
          message: expect.stringContaining(`${where} `) as string,
        }) as Error,
      )
    })

    it('of a state of another kind, version or shape touches neither end', () => {
      const { made, host, guest } = pair({ later: ['freeze'], limits: { freeze: 10 } }, { limits: { freeze: 60 } })
      host.backup({
        backupType: 1,
        luns: [{ busType: 1, controller: '00000000-0000-0000-0000-000000000001', target: 0, lun: 0 }],
      })
      made.run(1)
      const [ours, theirs] = [host.save() as object, guest.save() as object]
      expect(ours).toMatchObject({ kind: 'vss', v: 1 })
      expect(theirs).toMatchObject({ kind: 'vss-driver', v: 1 })
      for (const [end, saved] of [
        [host, ours],
        [guest, theirs],
      ] as const) {
        const optional = (path: string): boolean => /\.(?:backupType|luns|pending)$/.test(path)
        expect(
          taken(damaged(saved, optional), { save: () => end.save(), restore: (state) => end.restore(state, []) }),
        ).toEqual([])
        for (const wrong of [
          { ...saved, kind: 'kvp' },
          { ...saved, v: 2 },
        ])
          expect(() => end.checkState?.(wrong)).toThrow(
            expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error,
          )
        expect(() => end.checkState?.(saved)).not.toThrow()
      }
      expect(() => guest.checkState?.({ ...theirs, pending: { kind: 'melt' } })).toThrow('pending.kind')
      made.run(11)
      expect(guest.save()).toMatchObject({ pending: undefined, orphans: ['freeze'] })
      expect(() => guest.checkState?.({ ...theirs, orphans: ['melt'] })).toThrow('orphans[0]')
    })
  })
})
