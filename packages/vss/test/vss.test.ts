import { icVersion, type IcVersions } from '@vmbus/ic'
import { vss } from '@vmbus/vss'
import { FreebsdVssOption, VSS_INSTANCE, VSS_INTERFACE, VssOperation } from '@vmbus/vss/protocol'
import { describe, expect, it } from 'vitest'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import { MODES, pairs, target, type Disk, type Pair } from './pair.ts'

it('operations have the numbers of include/linux/hyperv.h, hv_vss_op', () => {
  expect(VssOperation).toEqual({
    create: 0,
    delete: 1,
    checkHotBackup: 2,
    directMappedInfo: 3,
    backupComplete: 4,
    freeze: 5,
    thaw: 6,
    autoRecover: 7,
    queryCluster: 8,
  })
  // FreeBSD sys/dev/hyperv/utilities/hv_snapshot.h.
  expect(FreebsdVssOption).toEqual({ check: 1, freeze: 2, thaw: 3 })
})

describe.each(MODES)('interrupts %s, saved %s', (interrupts, save) => {
  const world = worlds(interrupts, save)

  const versions = (...major: number[]): IcVersions => ({
    framework: [icVersion(3, 0)],
    message: major.map((each) => icVersion(each, 0)),
  })
  const E_FAIL = 0x80004005

  const pair = pairs(world)

  it('the host offers framework 1.0 and 3.0 and message 4.0 to 7.0', () => {
    // 20 bytes of header and 8 + 6 * 4 of body are the pipe's 52.
    const offered = [
      ...['01000000', '34000000', '00000000', '0000', '00000000', '2000', '00000000', '00', '03', '0000'],
      ...[
        '0200',
        '0400',
        '00000000',
        '01000000',
        '03000000',
        '04000000',
        '05000000',
        '06000000',
        '07000000',
        '00000000',
      ],
    ]
    expect(Buffer.from(pair().made.messages[0]?.bytes ?? []).toString('hex')).toBe(offered.join(''))
  })

  describe('a backup', () => {
    it.each([
      ['4.0', versions(4)],
      ['5.0', versions(4, 5)],
      ['6.0', versions(6)],
      ['7.0', undefined],
    ])('takes its snapshot while the guest stands still, at message version %s', (version, settings) => {
      const { made, host, disk, results } = pair({}, {}, settings)
      expect(host.inspect()).toMatchObject({ message: version })
      expect(host.backup()).toBe(1)
      made.run(1)
      expect(disk.log).toEqual(['freeze', 'snapshot', 'thaw'])
      expect(results()).toEqual([{ id: 1, outcome: 'ok', stage: 'complete', status: 0, consistent: true }])
      expect(made.timers.filter((name) => name.startsWith('host/'))).toEqual([])
      expect(host.backup()).toBe(2)
    })

    it('has a status of 32 bits in a saved state, or -1 for none', () => {
      const { host } = pair()
      const check = (status: number) => () => host.checkState?.({ ...(host.save() as object), status })
      for (const status of [-1, 0, 2 ** 32 - 1]) expect(check(status)).not.toThrow()
      for (const status of [-2, 2 ** 32]) expect(check(status)).toThrow('VMBUS_STATE_INVALID')
    })

    it('may take its snapshot later, within a limit', () => {
      const { made, host, disk, guest, results } = pair({}, { snapshot: () => 'later', limits: { snapshot: 20 } })
      host.backup()
      made.run(19)
      expect([guest.frozen, results(), host.backup()]).toEqual([true, [], 'busy'])
      expect(host.snapshotDone(true)).toBe(true)
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'ok', consistent: true }])
      expect(host.snapshotDone(true)).toBe(false)
      host.backup()
      made.run(25)
      expect([disk.frozen, host.snapshotDone(true)]).toEqual([false, false])
      expect(results()[1]).toMatchObject({ outcome: 'timeout', stage: 'snapshot', consistent: false })
    })

    it('whose snapshot fails thaws the guest', () => {
      const { made, host, disk, results } = pair({}, { snapshot: () => false })
      host.backup()
      made.run(1)
      expect(disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'snapshot', consistent: false }])
      expect(host.backup()).toBe(2)
    })

    it('whose snapshot throws has failed, thaws the guest, and says why', () => {
      const snapshot = (): never => {
        throw new Error('the disk of the host is full')
      }
      const { made, host, disk, results } = pair({}, { snapshot })
      host.backup()
      made.run(1)
      expect(disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'snapshot', consistent: false }])
      expect(made.diagnostics).toMatchObject([{ code: 'VMBUS_VSS_SNAPSHOT' }])
      expect(host.backup()).toBe(2)
    })

    it('is not begun without an agreed version, nor with more disks than the message has room for', () => {
      const { host, results } = pair({ versions: versions(9) })
      expect(host.backup()).toBe('not-connected')
      expect(results()).toEqual([])
      const lun = { busType: 1, controller: '00000000-0000-0000-0000-000000000001', target: 0, lun: 0 }
      expect(pair().host.backup({ luns: Array.from({ length: 261 }, () => lun) })).toBe('invalid-parameter')
    })
  })

  describe('a guest', () => {
    it('without a daemon fails the check at once', () => {
      const { made, host, disk, results } = pair({ daemon: false })
      host.backup()
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'check', status: E_FAIL }])
      expect(disk.log).toEqual([])
    })

    it('that cannot freeze says so, and nothing is left frozen', () => {
      const { made, host, disk, results } = pair({ works: false })
      host.backup()
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'freeze', status: E_FAIL }])
      expect(disk.frozen).toBe(false)
    })

    it('whose daemon hangs answers E_FAIL after 15 minutes, and thaws what freezes after that', () => {
      const { made, host, guest, disk, results } = pair({ later: ['freeze'] })
      host.backup()
      made.run(899)
      expect(results()).toEqual([])
      made.run(2)
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'freeze', status: E_FAIL }])
      disk.frozen = true
      guest.done(true)
      expect(disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
    })

    it('that freezes after the host gave up is thawed by the host', () => {
      const { made, host, guest, disk, results } = pair({ later: ['freeze'] }, { limits: { freeze: 30 } })
      host.backup()
      made.run(31)
      expect(results()).toMatchObject([{ outcome: 'timeout', stage: 'freeze', status: 0, consistent: false }])
      expect(host.backup()).toBe('busy')
      disk.frozen = true
      guest.done(true)
      made.run(1)
      expect(disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
      expect(results()).toHaveLength(1)
      expect(host.backup()).toBe(2)
    })

    it('whose host never thaws goes on by itself, and tells a late thaw that it did', () => {
      const { made, host, guest, disk, results } = pair(
        { limits: { frozen: 60 } },
        { snapshot: () => 'later', limits: { snapshot: 600 } },
      )
      host.backup()
      made.run(59)
      expect(disk.frozen).toBe(true)
      made.run(2)
      expect([disk.frozen, guest.frozen]).toEqual([false, false])
      host.snapshotDone(true)
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'failed', stage: 'thaw', status: E_FAIL, consistent: false }])
    })

    it('whose thaw came in time is not thawed again while it is under way, and the backup is good', () => {
      const { made, host, guest, disk, results } = pair(
        { later: ['thaw'], limits: { frozen: 60 } },
        { snapshot: () => 'later', limits: { snapshot: 600 } },
      )
      host.backup()
      made.run(59)
      host.snapshotDone(true)
      made.run(5)
      expect(disk.log).toEqual(['freeze', 'thaw'])
      disk.frozen = false
      guest.done(true)
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'ok', consistent: true }])
      made.run(100)
      expect(disk.log).toEqual(['freeze', 'thaw'])
    })

    it('whose thaw in time never ends, or fails, is thawed again', () => {
      for (const fails of [true, false]) {
        const { made, host, guest, disk } = pair(
          { later: ['thaw'], limits: { frozen: 60 } },
          { snapshot: () => 'later', limits: { snapshot: 600 } },
        )
        host.backup()
        made.run(59)
        host.snapshotDone(true)
        made.run(5)
        if (fails) guest.done(false)
        made.run(40)
        expect(disk.log).toEqual(['freeze', 'thaw', 'thaw'])
        expect(guest.frozen).toBe(false)
      }
    })

    it.each([
      ['a rescind', ({ made }: Pair) => made.handle.rescind()],
      ['the end of its daemon', ({ guest }: Pair) => guest.setDaemon(false)],
    ])('that is frozen is thawed by %s', (_, leave) => {
      const both = pair({}, { snapshot: () => 'later', limits: { snapshot: 600 } })
      both.host.backup()
      both.made.run(1)
      expect(both.disk.frozen).toBe(true)
      leave(both)
      both.made.run(1)
      expect(both.disk).toEqual({ frozen: false, log: ['freeze', 'thaw'] })
    })

    it('whose freeze is under way at a rescind thaws it when it comes', () => {
      const { made, host, guest, disk, results } = pair({ later: ['freeze'] })
      host.backup()
      made.run(1)
      made.handle.rescind()
      made.run(1)
      expect(results()).toMatchObject([{ outcome: 'closed', stage: 'freeze' }])
      disk.frozen = true
      guest.done(true)
      expect(disk.frozen).toBe(false)
    })

    it('with Linux’s quirks stays frozen without its host, and keeps the flags of the check', () => {
      const { made, host, disk } = pair(
        { quirks: ['no-recovery', 'keeps-flags'] },
        { snapshot: () => 'later', limits: { snapshot: 5000 } },
      )
      host.backup()
      made.run(4000)
      expect(disk.frozen).toBe(true)
      const check = made.messages.filter(({ to }) => to === 'host')[1]
      expect(check?.bytes[28 + 8]).toBe(0)
    })
  })

  const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'))
  const shown = (bytes: Uint8Array | undefined): string =>
    `${bytes?.length}: ${Buffer.from(bytes ?? [])
      .toString('hex')
      .replace(/(?:00)+$/, '')}`
  const padded = (hex: string, length: number): string => {
    const bytes = new Uint8Array((length + 7) & ~7)
    bytes.set(bytesOf(hex))
    return shown(bytes)
  }

  describe('on the wire', () => {
    // Typed from wire/06 §1 and §7: header, then operation, seven reserved bytes and the rest.
    const header = (size: string, pipe: string): string =>
      `01000000 ${pipe} 03000000 0500 05000000 ${size} 00000000 00 03 0000`
    it('are check, freeze with its disks, thaw and complete, at version 5.0', () => {
      const { made, host } = pair({}, {}, versions(5))
      host.backup({
        backupType: 2,
        luns: [{ busType: 1, controller: '01020304-0506-0708-090a-0b0c0d0e0f10', target: 3, lun: 4 }],
      })
      made.run(1)
      const short = header('2700', '3b000000')
      const freeze = `${header('7418', '88180000')} 05 00000000000000 02000000 00000000 01000000 01000000 04030201 0605 0807 090a0b0c0d0e0f10 00 03 04 00`
      expect(
        made.messages
          .filter(({ to }) => to === 'guest')
          .slice(1)
          .map(({ bytes }) => shown(bytes)),
      ).toEqual([
        padded(`${short} 02`, 28 + 39),
        padded(freeze, 28 + 6260),
        padded(`${short} 06`, 28 + 39),
        padded(`${short} 04`, 28 + 39),
      ])
    })

    it('the guest answers the check with NO_AUTO_RECOVERY, direct-mapped devices with 0, and what it does not know with success', () => {
      const answers: Uint8Array[] = []
      const negotiation = requestOf(0, 0, bytesOf('0100 0100 00000000 03000000 05000000'))
      const bodies = [
        '02 00000000000000 ffffffff',
        '03 00000000000000 ffffffff',
        '08 00000000000000 ffffffff',
        '05 00000000000000',
      ]
      const requests = bodies.map((body) => requestOf(5, icVersion(5, 0), bytesOf(body)))
      const disk: Disk = { frozen: false, log: [] }
      world(
        rawComponent(VSS_INTERFACE, VSS_INSTANCE, [negotiation, ...requests], answers),
        vss.driver({ target: target(disk) }),
      ).run(1)
      expect(answers.slice(1).map((bytes) => Buffer.from(bytes.subarray(20, 40)).toString('hex'))).toEqual(
        [
          '00000000 00 05 0000 02 00000000000000 05000000',
          '00000000 00 05 0000 03 00000000000000 00000000',
          '00000000 00 05 0000 08 00000000000000 ffffffff',
          // Too short for a body of 12.
          '57000780 00 05 0000 05 00000000000000 00000000',
        ].map((hex) => hex.replaceAll(' ', '')),
      )
      expect(disk.log).toEqual([])
    })
  })
})
