import { icVersion } from '@vmbus/ic'
import { rawComponent, requestOf, worlds } from '@vmbus/ic/testing'
import {
  KvpRefusals,
  filePools,
  kvp,
  memoryPools,
  type KvpCompletion,
  type KvpGuest,
  type KvpGuestOptions,
  type KvpHost,
  type KvpHostOptions,
  type KvpItem,
} from '@vmbus/kvp'
import { KVP_INSTANCE, KVP_INTERFACE } from '@vmbus/kvp/protocol'
import { INTERRUPT_MODES } from '@vmbus/testbench'
import { damaged, taken } from '@vmbus/world/testing'
import { describe, expect, it } from 'vitest'

const E_FAIL = 0x80004005

/** What icsvc.dll of Windows and Microsoft's documentation of IVMGuestOS2::GetParameter name. */
const HOST_INFO = {
  HostName: 'hv01',
  PhysicalHostName: 'HV01',
  PhysicalHostNameFullyQualified: 'hv01.example',
  VirtualMachineName: 'Größe',
  VirtualMachineId: 'A7A2CC1C-2C0B-4B0C-A0D1-6D5C3C4D1F1E',
}
const FACTS = Object.entries(HOST_INFO).map(([key, value]) => ({ key, value, type: 'string' }))

/** A SET or DELETE in a packet (wire/06 §6): operation and pool begin the body at 28, keys stand at 16 and 8 of it. */
function read(bytes: Uint8Array): string | undefined {
  const [operation, pool] = [bytes[28], bytes[29]]
  if (bytes[12] !== 2 || (operation !== 1 && operation !== 2)) return undefined
  const text = Buffer.from(bytes.subarray(28 + (operation === 1 ? 16 : 8), 28 + 520)).toString('utf16le')
  return `${operation === 1 ? 'set' : 'delete'} ${pool} ${text.slice(0, text.indexOf('\0'))}`
}

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  describe.each(['never', 'each step'] as const)('saved %s', (save) => {
    const world = worlds(interrupts, save)

    function pair(host: KvpHostOptions = {}, guest: Partial<KvpGuestOptions> = {}) {
      const pools = memoryPools()
      let driver: KvpGuest | undefined
      const spec = kvp.driver({ pools, ...guest })
      const made = world(kvp(host), { ...spec, create: (deps) => (driver = spec.create(deps)) })
      return {
        made,
        pools,
        host: (): KvpHost => made.handle.device,
        guest: (): KvpGuest => driver as unknown as KvpGuest,
        last: (): KvpCompletion => made.heard('completed').at(-1) as KvpCompletion,
        sent: (): string[] => made.messages.flatMap(({ to, bytes }) => (to === 'guest' ? (read(bytes) ?? []) : [])),
        restart() {
          made.guestBus.suspend()
          made.run(1)
          made.guestBus.resume()
          made.run(1)
        },
      }
    }

    describe('what the host is', () => {
      it('goes into the pool for it at each connect, before anything else, in its order', () => {
        const { made, pools, host, last, sent, restart } = pair({ hostInfo: HOST_INFO })
        made.run(1)
        expect(pools.items('auto-external')).toEqual(FACTS)
        expect(made.heard('pushed')).toEqual(
          FACTS.map(({ key }) => ({ operation: 'set', pool: 'auto-external', key, outcome: 'ok', status: 0 })),
        )
        expect(made.heard('completed')).toEqual([])
        host().set({ key: 'mine', value: '1' })
        made.run(1)
        expect(last()).toMatchObject({ id: 1, outcome: 'ok' })
        pools.remove('auto-external', 'HostName')
        restart()
        const facts = FACTS.map(({ key }) => `set 3 ${key}`)
        expect(sent()).toEqual([...facts, 'set 0 mine', ...facts, 'set 0 mine'])
        expect(pools.items('auto-external')).toHaveLength(5)
      })

      it('is nothing unless it is told, and must be what a message carries', () => {
        const { made, sent } = pair()
        made.run(1)
        expect(sent()).toEqual([])
        for (const hostInfo of [{ '': 'x' }, { k: 'v'.repeat(1024) }, { k: 'a\0b' }, { ['k'.repeat(256)]: '' }])
          expect(() => kvp({ hostInfo })).toThrow(expect.objectContaining({ code: 'VMBUS_OPTIONS_INVALID' }) as Error)
      })
    })

    describe('what the host sets', () => {
      it('while the guest is away is kept for it, and sent when it comes and after each restart', () => {
        const { made, pools, host, guest, last, sent, restart } = pair(
          {},
          { daemon: false, quirks: ['waits-for-daemon'] },
        )
        made.run(1)
        expect(host().set({ key: 'k', value: 'old' })).toBe(1)
        expect(last()).toEqual({ id: 1, operation: 'set', outcome: 'kept', status: -1 })
        expect(host().set({ key: 'n', value: '7', type: 'dword' })).toBe(2)
        expect(host().set({ key: 'k', value: 'new' })).toBe(3)
        expect(host().get({ pool: 'external', key: 'k' })).toBe('not-connected')
        expect(host().set({ key: 'k', value: 'v', pool: 'guest' })).toBe('not-connected')
        expect(host().set({ key: '', value: 'v' })).toBe('invalid-parameter')
        expect([host().inspect()['kept'], sent()]).toEqual([2, []])
        guest().setDaemon(true)
        made.run(1)
        const items: KvpItem[] = [
          { key: 'k', value: 'new', type: 'string' },
          { key: 'n', value: '7', type: 'dword' },
        ]
        expect(pools.items('external')).toEqual(items)
        expect(sent()).toEqual(['set 0 k', 'set 0 n'])
        host().set({ key: 'HostName', value: 'renamed', pool: 'auto-external' })
        made.run(1)
        for (const { key } of items) pools.remove('external', key)
        restart()
        expect(pools.items('external')).toEqual(items)
        expect(sent().slice(3)).toEqual(['set 0 k', 'set 0 n', 'set 3 HostName'])
        expect(made.heard('completed')).toHaveLength(4)
      })

      it('is for a guest that agrees on versions: one that left speaks none', () => {
        const { made, guest, host } = pair()
        made.run(1)
        expect(guest().inspect()).toEqual({ framework: 0x3_0000, message: 0x5_0000, daemon: true })
        made.guestBus.suspend()
        made.run(1)
        expect(guest().inspect()).toMatchObject({ framework: 0, message: 0 })
        made.guestBus.resume()
        made.run(1)
        expect(guest().inspect()).toMatchObject({ message: 0x5_0000 })
        made.handle.rescind()
        made.run(1)
        expect([guest().inspect()['message'], host().inspect()]).toMatchObject([0, { phase: 'closed', waiting: 0 }])
      })

      it('is sent again when the guest went before it answered', () => {
        const { made, pools, host, guest, last, restart } = pair({}, { quirks: ['waits-for-daemon'] })
        made.run(1)
        guest().setDaemon(false)
        host().set({ key: 'k', value: 'v' })
        made.guestBus.suspend()
        made.run(1)
        expect(last()).toMatchObject({ id: 1, outcome: 'closed' })
        guest().setDaemon(true)
        restart()
        expect(pools.items('external')).toEqual([{ key: 'k', value: 'v', type: 'string' }])
      })

      it('and deletes while the guest is away is gone when it comes, and is no deletion for ever', () => {
        const { made, pools, host, sent, last, restart } = pair()
        made.run(1)
        for (const key of ['a', 'b', 'c']) host().set({ key, value: key })
        made.run(1)
        host().delete({ key: 'c' })
        made.run(1)
        expect([last().outcome, host().inspect()['kept']]).toEqual(['ok', 2])
        made.guestBus.suspend()
        made.run(1)
        host().delete({ key: 'a' })
        expect(last()).toMatchObject({ operation: 'delete', outcome: 'kept' })
        host().delete({ key: 'b' })
        host().set({ key: 'b', value: 'again' })
        // What the guest never had.
        host().delete({ key: 'd' })
        const before = sent().length
        restart()
        expect(sent().slice(before)).toEqual(['delete 0 a', 'set 0 b', 'delete 0 d'])
        expect(made.heard('pushed')).toEqual([
          { operation: 'delete', pool: 'external', key: 'a', outcome: 'ok', status: 0 },
          { operation: 'set', pool: 'external', key: 'b', outcome: 'ok', status: 0 },
          { operation: 'delete', pool: 'external', key: 'd', outcome: 'failed', status: 0x80070103 },
        ])
        expect(pools.items('external')).toEqual([{ key: 'b', value: 'again', type: 'string' }])
        restart()
        expect(sent().slice(before + 3)).toEqual(['set 0 b'])
      })

      it('is as much as a pool has room for', () => {
        const { made, host } = pair({}, { daemon: false, quirks: ['waits-for-daemon'] })
        made.run(1)
        for (let i = 0; i < 1024; i++) host().set({ key: `${i}`, value: '' })
        expect(host().set({ key: 'more', value: '' })).toBe('out-of-memory')
        expect(host().set({ key: '7', value: 'replaced' })).toBe(1025)
        // Msvm_VirtualSystemManagementService.AddKvpItems: out of memory, and system is in use.
        expect(KvpRefusals).toMatchObject({ 'out-of-memory': 32778, busy: 32774, 'invalid-parameter': 32773 })
      })

      it('leaves 64 requests their places, and times out one by one as they do', () => {
        const { made, host, guest, last } = pair(
          { hostInfo: { a: '1', b: '2' }, replySeconds: 10 },
          { quirks: ['waits-for-daemon'] },
        )
        made.run(1)
        made.guestBus.suspend()
        made.run(1)
        made.guestBus.resume()
        while (host().inspect()['phase'] !== 'ready') made.step(made.now + 1e7)
        guest().setDaemon(false)
        const taken = Array.from({ length: 65 }, () => host().enumerate({ pool: 'auto' }))
        expect(taken.slice(63)).toEqual([64, 'busy'])
        made.run(31)
        expect(made.heard('pushed').length).toBeGreaterThan(2)
        made.run(700)
        expect([made.heard('completed').length, last().outcome]).toEqual([64, 'timeout'])
      })
    })

    describe('a record that is no text', () => {
      /** 512 bytes of key and 2048 of value (tools/hv/hv_kvp_daemon.c, struct kvp_record). */
      const record = (key: readonly number[], value: readonly number[]): Uint8Array => {
        const bytes = new Uint8Array(2560)
        bytes.set(key)
        bytes.set(value, 512)
        return bytes
      }
      const K = [0x6b]
      const filled = (units: number, ...tail: number[]): number[] => [...new Uint8Array(units).fill(0x61), ...tail]

      const asked = (bytes: Uint8Array, quirks: KvpGuestOptions['quirks'] = []) => {
        const pools = filePools({
          read: (path) => (path.endsWith('1') ? bytes : undefined),
          create: () => false,
          append: () => false,
          sync: () => false,
          rename: () => false,
        })
        const { made, host, last } = pair({}, { pools, quirks })
        made.run(1)
        return (of: 'enumerate' | 'get') => {
          if (of === 'get') host().get({ key: 'k' })
          else host().enumerate({ pool: 'guest' })
          made.run(1)
          return last()
        }
      }

      it.each([
        ['a value of no UTF-8', record(K, [0xff, 0xfe, 0x41])],
        ['a value that is cut within a character', record(K, [0x41, 0xe2, 0x82])],
        ['a value with a lone surrogate', record(K, [0xed, 0xa0, 0x80])],
        ['a value longer than needed', record(K, [0xc0, 0xaf])],
        ['a value beyond U+10FFFF', record(K, [0xf4, 0x90, 0x80, 0x80])],
        ['a value that is wrong in the last character that an answer has room for', record(K, filled(1021, 0xff))],
        ['a key of no UTF-8', record([0xff], [0x41])],
        ['a key that is wrong in the last character that an answer has room for', record(filled(253, 0xff), K)],
      ])('with %s is answered 0x80004005, as Linux does', (_, bytes) => {
        expect(asked(bytes)('enumerate')).toMatchObject({ outcome: 'failed', status: E_FAIL, items: [] })
      })

      it.each([
        ['behind the end of a value', record(K, [0x41, 0, 0xff])],
        ['behind what an answer has room for of a value', record(K, filled(1022, 0xff))],
        ['behind what an answer has room for of a key', record(filled(254, 0xff), K)],
      ])('only %s is as good as any', (_, bytes) => {
        expect(asked(bytes, ['cuts-answers'])('enumerate')).toMatchObject({
          outcome: 'ok',
          items: [{ type: 'string' }],
        })
      })

      it('ends an enumeration with what was read before it, and Linux answers a GET of it with nothing', () => {
        const bytes = Uint8Array.from([...record([0x61], [0x31]), ...record(K, [0xff]), ...record([0x62], [0x32])])
        expect(asked(bytes)('enumerate')).toMatchObject({ outcome: 'failed', items: [{ key: 'a', value: '1' }] })
        expect(asked(bytes)('get')).toMatchObject({ outcome: 'failed', status: E_FAIL })
        expect(asked(bytes, ['empty-get'])('get')).toMatchObject({ outcome: 'ok', item: { value: '' } })
      })
    })
  })

  const world = worlds(interrupts)
  const invalid = (where: string) =>
    expect.objectContaining({
      code: 'VMBUS_OPTIONS_INVALID',
      message: expect.stringContaining(where) as string,
    }) as Error

  it.each<[string, () => unknown]>([
    ['kvp.replySeconds', () => kvp({ replySeconds: Number.NaN })],
    ['kvp.replySeconds', () => kvp({ replySeconds: 0 })],
    ['kvp.hostinfo', () => kvp({ hostinfo: {} } as KvpHostOptions)],
    ['kvp.hostInfo.HostName', () => kvp({ hostInfo: { HostName: 1 } } as unknown as KvpHostOptions)],
    [
      'kvp.driver.quirk',
      () => world(kvp({}), kvp.driver({ pools: memoryPools(), quirk: [] } as KvpGuestOptions)).run(1),
    ],
    ['memoryPools.gest', () => memoryPools({ gest: [] } as never)],
    ['memoryPools.guest[0].value', () => memoryPools({ guest: [{ key: 'k' }] } as never)],
    ['filePools.rewrite', () => filePools({} as never, { rewrite: 'never' } as never)],
    ['kvp.driver.pools', () => world(kvp({}), kvp.driver({} as KvpGuestOptions)).run(1)],
    ['kvp.set.kye', () => world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.set({ kye: 1 } as never)],
    [
      'kvp.set.value',
      () => world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.set({ key: 'k' } as never),
    ],
    [
      'kvp.get.pool',
      () => world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.get({ key: 'k', pool: 'x' } as never),
    ],
    [
      'kvp.enumerate.pool',
      () => world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.enumerate({} as never),
    ],
    [
      'kvp.getIp.family',
      () => world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.getIp({ adapterId: 'a' } as never),
    ],
    [
      'kvp.setIp.dhcp',
      () =>
        world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device.setIp({
          adapterId: 'a',
          family: 'ipv4',
        } as never),
    ],
  ])('an option that is none is refused by its name: %s', (where, give) => {
    expect(give).toThrow(invalid(where))
  })

  it('a state of another kind, version or shape is refused before anything is touched, by both ends', () => {
    const info = {
      adapterId: 'a',
      family: 'both',
      dhcp: true,
      addresses: ['1'],
      subnets: ['2'],
      gateways: ['3'],
      dns: ['4'],
    } as const
    let driver: KvpGuest | undefined
    const spec = kvp.driver({ pools: memoryPools(), quirks: ['waits-for-daemon'], daemon: false })
    const made = world(kvp({}), { ...spec, create: (deps) => (driver = spec.create(deps)) })
    made.run(1)
    const guest = driver as unknown as KvpGuest
    guest.setDaemon(true)
    made.run(1)
    guest.setDaemon(false)
    const host = made.handle.device
    host.set({ key: 'k', value: 'v' })
    host.delete({ key: 'n' })
    host.get({ key: 'k' })
    host.enumerate({ pool: 'auto' })
    host.getIp({ adapterId: 'a', family: 'both' })
    host.setIp({ ...info, origins: undefined, addresses: [], subnets: [], gateways: [], dns: [] } as never)
    const saved = host.save() as { queue: object[]; ic: object }
    expect(saved).toMatchObject({ kind: 'kvp', v: 1, nextId: 7, late: false })
    expect(saved.queue).toHaveLength(6)
    const again = world(kvp({}), kvp.driver({ pools: memoryPools() })).handle.device
    expect(
      taken(
        damaged(saved, (path) => path.endsWith('.type') || path.endsWith('.origins')),
        { save: () => again.save(), restore: (state) => again.restore(state, []) },
      ),
    ).toEqual([])
    for (const wrong of [
      { ...saved, kind: 'vss' },
      { ...saved, v: 2 },
      { ...saved, queue: [{ ...saved.queue[0], operation: 'steal' }] },
      { ...saved, ic: { ...saved.ic, message: icVersion(9, 9) } },
    ])
      expect(() => again.checkState?.(wrong)).toThrow(expect.objectContaining({ code: 'VMBUS_STATE_INVALID' }) as Error)
    expect(() => again.checkState?.(saved)).not.toThrow()
    again.restore(saved, [])
    expect(again.save()).toEqual(saved)

    const own = guest.save()
    expect(own).toMatchObject({ kind: 'kvp-driver', v: 1, daemon: false })
    expect(taken(damaged(own), { save: () => guest.save(), restore: (state) => guest.restore(state, []) })).toEqual([])
    expect(() => guest.checkState?.(own)).not.toThrow()
  })
})

it.each([
  // GET, SET, DELETE with a key of 514 bytes, SET with a value of 2050: sizes stand at 8, 4 and 12 of the body.
  ['a GET', 0, 8, 514],
  ['a SET', 1, 8, 514],
  ['a DELETE', 2, 4, 514],
  ['a SET of a value', 1, 12, 2050],
])('%s of more than its room is answered 0x80070057', (_, operation, at, size) => {
  const answers: Uint8Array[] = []
  const negotiation = requestOf(0, 0, Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]))
  const body = new Uint8Array(2580)
  body.set([operation, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 2])
  body.set([0x6b, 0, 0x6b, 0], 16)
  new DataView(body.buffer).setUint32(at, size, true)
  const pools = memoryPools()
  worlds('deferred')(
    rawComponent(KVP_INTERFACE, KVP_INSTANCE, [negotiation, requestOf(2, icVersion(4, 0), body)], answers),
    kvp.driver({ pools }),
  ).run(1)
  expect(Buffer.from(answers[1]?.subarray(20, 24) ?? []).toString('hex')).toBe('57000780')
  expect(pools.items('external')).toEqual([])
})

it('a guest without text answers nothing else wrong: the raw answer to a malformed record', () => {
  const answers: Uint8Array[] = []
  const bytes = new Uint8Array(2560)
  bytes.set([0x6b])
  bytes.set([0xff], 512)
  const negotiation = requestOf(0, 0, Uint8Array.from([1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0]))
  const body = new Uint8Array(2580)
  body.set([3, 1])
  const pools = filePools({
    read: () => bytes,
    create: () => false,
    append: () => false,
    sync: () => false,
    rename: () => false,
  })
  worlds('deferred')(
    rawComponent(KVP_INTERFACE, KVP_INSTANCE, [negotiation, requestOf(2, icVersion(4, 0), body)], answers),
    kvp.driver({ pools }),
  ).run(1)
  expect(Buffer.from(answers[1]?.subarray(20, 26) ?? []).toString('hex')).toBe('054000800005')
})
