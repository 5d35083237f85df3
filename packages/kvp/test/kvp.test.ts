import { HResult, icVersion, type IcVersions } from '@vmbus/ic'
import {
  kvp,
  memoryPools,
  type IpInfo,
  type KvpCompletion,
  type KvpGuest,
  type KvpGuestOptions,
  type KvpHost,
  type KvpHostOptions,
} from '@vmbus/kvp'
import { describe, expect, it } from 'vitest'
import { worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, type DeviceWorld } from '@vmbus/testbench'

describe.each(INTERRUPT_MODES)('interrupts %s', (interrupts) => {
  const world = worlds(interrupts)

  const versions = (...message: [number, number][]): IcVersions => ({
    framework: [icVersion(1, 0), icVersion(3, 0)],
    message: message.map(([major, minor]) => icVersion(major, minor)),
  })
  const ADAPTER = '{F8615163-0000-1000-2000-00155D000001}'
  const INFO: IpInfo = {
    adapterId: ADAPTER,
    family: 'both',
    dhcp: false,
    addresses: ['10.0.0.5', 'fe80::1'],
    subnets: ['255.255.255.0', '64'],
    gateways: ['10.0.0.1'],
    dns: ['10.0.0.1', '2001:db8::53'],
  }

  interface Pair {
    readonly made: DeviceWorld<KvpHost>
    readonly host: KvpHost
    readonly guest: KvpGuest
    /** Runs the world until the request is over. */
    end(id: number | string, seconds?: number): KvpCompletion
  }

  function pair(guest: Partial<KvpGuestOptions> = {}, host: KvpHostOptions = {}, settings?: IcVersions): Pair {
    let driver: KvpGuest | undefined
    const spec = kvp.driver({ pools: memoryPools(), ...guest })
    const made = world(kvp(host), { ...spec, create: (deps) => (driver = spec.create(deps)) }, settings)
    made.run(0)
    if (driver === undefined) throw new Error('the driver was not bound')
    return {
      made,
      host: made.handle.device,
      guest: driver,
      end(id, seconds = 1) {
        made.run(seconds)
        const found = (made.heard('completed') as KvpCompletion[]).filter((each) => each.id === id)
        expect(found).toHaveLength(1)
        return found[0] as KvpCompletion
      },
    }
  }

  describe('keys and values', () => {
    it('go into a pool and come back by key and by enumeration, with their types', () => {
      const { host, end } = pair()
      const items = [
        { key: 'name', value: 'Hällo €', type: 'string' },
        { key: 'path', value: '%TEMP%', type: 'expand-string' },
        { key: 'small', value: '4294967295', type: 'dword' },
        { key: 'large', value: '18446744073709551615', type: 'qword' },
      ] as const
      for (const item of items)
        expect(end(host.set(item))).toMatchObject({ operation: 'set', outcome: 'ok', status: 0 })
      for (const item of items)
        expect(end(host.get({ pool: 'external', key: item.key }))).toMatchObject({ outcome: 'ok', item })
      expect(end(host.enumerate({ pool: 'external' }))).toMatchObject({ outcome: 'ok', items })
      expect(end(host.enumerate({ pool: 'guest' }))).toMatchObject({ outcome: 'ok', items: [] })
      expect(end(host.delete({ key: 'path' }))).toMatchObject({ outcome: 'ok' })
      expect(end(host.enumerate({ pool: 'external' })).items?.map(({ key }) => key)).toEqual(['name', 'small', 'large'])
    })

    it('that are missing are 0x80070103, to get and to delete, and a prefix is another key', () => {
      const { host, end } = pair()
      end(host.set({ key: 'abc', value: '1' }))
      for (const id of [
        host.get({ pool: 'external', key: 'ab' }),
        host.delete({ key: 'ab' }),
        host.delete({ key: 'abcd' }),
      ])
        expect(end(id)).toMatchObject({ outcome: 'failed', status: 0x80070103 })
      expect(end(host.enumerate({ pool: 'external' })).items).toHaveLength(1)
    })

    it('may fill their room and no more', () => {
      const { host, end } = pair()
      const widest = { key: 'k'.repeat(255), value: '€'.repeat(1023) }
      expect(end(host.set(widest)).outcome).toBe('ok')
      expect(end(host.get({ pool: 'external', key: widest.key })).item).toMatchObject(widest)
      for (const item of [
        { key: '', value: '' },
        { key: 'k'.repeat(256), value: '' },
        { key: 'k', value: 'v'.repeat(1024) },
        { key: 'a\0b', value: '' },
        { key: 'k', value: 'a\0b' },
        { key: 'k', value: '4294967296', type: 'dword' },
        { key: 'k', value: '-1', type: 'qword' },
        { key: 'k', value: '', type: 'dword' },
        { key: 'k', value: '1', pool: 'auto-internal' },
      ] as const)
        expect(host.set(item)).toBe('invalid-parameter')
    })

    it('of a full pool are refused, and the host stops at an enumeration without end', () => {
      const pools = memoryPools({ external: Array.from({ length: 1024 }, (_, i) => ({ key: `${i}`, value: '' })) })
      const { host, end } = pair({ pools })
      expect(end(host.set({ key: 'more', value: '' }))).toMatchObject({ outcome: 'failed', status: HResult.diskFull })
      expect(end(host.set({ key: '7', value: 'replaced' }))).toMatchObject({ outcome: 'ok' })
      expect(end(host.enumerate({ pool: 'external' }))).toMatchObject({ outcome: 'ok' })
      const endless = pair({ intrinsic: () => Array.from({ length: 2000 }, () => ({ key: 'again', value: '' })) })
      const { outcome, limit, items } = endless.end(endless.host.enumerate({ pool: 'auto' }))
      expect({ outcome, limit, count: items?.length }).toEqual({ outcome: 'limit', limit: 1024, count: 1024 })
    })

    it('of the guest are asked for anew each time', () => {
      let address = '10.0.0.1'
      const { host, end } = pair({ intrinsic: () => [{ key: 'NetworkAddressIPv4', value: address }] })
      expect(end(host.enumerate({ pool: 'auto' })).items?.[0]?.value).toBe('10.0.0.1')
      address = '10.0.0.2'
      expect(end(host.enumerate({ pool: 'auto' })).items?.[0]?.value).toBe('10.0.0.2')
    })
  })

  describe('what programs of the guest put into its pools', () => {
    it('is carried as far as a message has room, and nothing of it stops the driver', () => {
      const contents = [
        { key: 'k'.repeat(511), value: 'v'.repeat(2047) },
        { key: '', value: 'without a key' },
        { key: 'number', value: '-1', type: 'dword' },
        { key: 'a\0b', value: 'c\0d' },
      ] as const
      const { host, end } = pair({ pools: memoryPools({ guest: contents }), intrinsic: () => contents })
      for (const pool of ['guest', 'auto'] as const)
        expect(end(host.enumerate({ pool }))).toMatchObject({
          outcome: 'ok',
          items: [
            { key: 'k'.repeat(255), value: 'v'.repeat(1023), type: 'string' },
            { key: '', value: 'without a key' },
            { key: 'number', value: '-1', type: 'string' },
            { key: 'a', value: 'c' },
          ],
        })
      expect(end(host.get({ key: 'number' })).item).toEqual({ key: 'number', value: '-1', type: 'string' })
    })

    it('is cut one character earlier by Linux, as the real kernels cut it', () => {
      const pools = memoryPools({ guest: [{ key: 'k'.repeat(255), value: 'v'.repeat(1023) }] })
      const { host, end } = pair({ pools, quirks: ['text-only', 'cuts-answers'] })
      expect(end(host.enumerate({ pool: 'guest' })).items).toEqual([
        { key: 'k'.repeat(254), type: 'string', value: 'v'.repeat(1022) },
      ])
    })
  })

  describe('IP information', () => {
    it.each([
      ['text at message version 3.0', versions([3, 0])],
      ['text at message version 4.0', versions([1, 0], [3, 0], [4, 0])],
      ['binary at message version 5.0', undefined],
    ])('goes both ways as %s', (_, settings) => {
      let stored: IpInfo | undefined
      const network = {
        get: ({ adapterId }: { adapterId: string }) => (stored?.adapterId === adapterId ? stored : undefined),
        set(info: IpInfo) {
          stored = info
          return 0
        },
      }
      const { host, end } = pair({ network }, {}, settings)
      expect(end(host.getIp({ adapterId: ADAPTER, family: 'both' }))).toMatchObject({
        outcome: 'failed',
        status: 0x80041002,
      })
      expect(end(host.setIp(INFO))).toMatchObject({ outcome: 'ok' })
      expect(stored).toMatchObject(INFO)
      expect(end(host.getIp({ adapterId: ADAPTER, family: 'both' })).info).toMatchObject(INFO)
    })

    it('keeps the origins of addresses in the binary form, IPv4 before IPv6', () => {
      let stored: IpInfo | undefined
      const { host, end } = pair({ network: { get: () => stored, set: (info) => ((stored = info), 0) } })
      end(
        host.setIp({
          ...INFO,
          addresses: ['fe80::1', '10.0.0.5'],
          subnets: ['64', '255.0.0.0'],
          origins: ['other', 'static'],
        }),
      )
      expect(stored).toMatchObject({
        addresses: ['10.0.0.5', 'fe80::1'],
        subnets: ['255.0.0.0', '64'],
        origins: ['static', 'other'],
      })
    })

    it('is not supported at message version 1.0, nor by a guest without a network', () => {
      const old = pair({}, {}, versions([1, 0]))
      expect(old.host.getIp({ adapterId: ADAPTER, family: 'both' })).toBe('not-supported')
      expect(old.host.setIp(INFO)).toBe('not-supported')
      const { host, end } = pair()
      expect(end(host.setIp(INFO))).toMatchObject({ outcome: 'failed', status: 0x80070032 })
      expect(end(host.getIp({ adapterId: ADAPTER, family: 'ipv4' }))).toMatchObject({ status: 0x80070032 })
    })

    it('that has no place in the message is refused before it is sent', () => {
      const { host } = pair()
      for (const wrong of [
        { gateways: Array.from({ length: 6 }, () => '10.0.0.1') },
        {
          addresses: Array.from({ length: 65 }, () => '10.0.0.1'),
          subnets: Array.from({ length: 65 }, () => '255.0.0.0'),
        },
        { addresses: ['10.0.0.256'], subnets: ['255.0.0.0'] },
        { addresses: ['fe80::1'], subnets: ['129'] },
        { dns: ['nowhere'] },
      ])
        expect(host.setIp({ ...INFO, ...wrong })).toBe('invalid-parameter')
      const old = pair({}, {}, versions([4, 0]))
      expect(old.host.setIp({ ...INFO, dns: ['a'.repeat(1024)] })).toBe('invalid-parameter')
      expect(old.host.setIp({ ...INFO, dns: ['10.0.0.1;10.0.0.2'] })).toBe('invalid-parameter')
    })
  })

  describe('a request', () => {
    it('is not taken before the guest has agreed on versions, and ends with the channel', () => {
      const { made, host, guest, end } = pair({ daemon: false, quirks: ['waits-for-daemon'] })
      expect(host.set({ key: 'k', value: 'v', pool: 'guest' })).toBe('not-connected')
      guest.setDaemon(true)
      made.run(1)
      guest.setDaemon(false)
      const ids = [host.set({ key: 'k', value: 'v' }), host.enumerate({ pool: 'auto' })]
      made.run(1)
      expect(made.heard('completed')).toEqual([])
      made.handle.rescind()
      for (const id of ids) expect(end(id)).toMatchObject({ outcome: 'closed', status: -1 })
    })

    it('times out when the daemon is away, and is carried out unheard when it returns', () => {
      const pools = memoryPools()
      const { made, host, guest, end } = pair({ pools, quirks: ['waits-for-daemon'] }, { replySeconds: 60 })
      guest.setDaemon(false)
      const first = host.set({ key: 'first', value: '1' })
      const second = host.set({ key: 'second', value: '2' })
      made.run(59)
      expect(made.heard('completed')).toEqual([])
      expect(end(first, 1)).toMatchObject({ outcome: 'timeout' })
      expect(end(second, 60)).toMatchObject({ outcome: 'timeout' })
      expect(pools.items('external')).toEqual([])
      guest.setDaemon(true)
      made.run(1)
      expect(pools.items('external').map(({ key }) => key)).toEqual(['first'])
      expect(end(host.set({ key: 'third', value: '3' }))).toMatchObject({ outcome: 'ok' })
      expect(made.heard('completed')).toHaveLength(3)
    })

    it('without a daemon is answered E_FAIL by a guest that has agreed', () => {
      const { host, guest, end } = pair()
      guest.setDaemon(false)
      expect(end(host.set({ key: 'k', value: 'v' }))).toMatchObject({ outcome: 'failed', status: 0x80004005 })
    })

    it('beyond 64 waiting ones is refused', () => {
      const { host, guest } = pair({ quirks: ['waits-for-daemon'] })
      guest.setDaemon(false)
      const ids = Array.from({ length: 70 }, () => host.enumerate({ pool: 'auto' }))
      expect(ids.filter((id) => id === 'busy')).toHaveLength(6)
      expect(new Set(ids.slice(0, 64)).size).toBe(64)
    })
  })

  describe('the quirks of Linux', () => {
    it('keep text alone: numbers in decimal, a REG_QWORD and a string with references empty', () => {
      const pools = memoryPools()
      const { host, end } = pair({ pools, quirks: ['text-only', 'empty-get'] })
      end(host.set({ key: 's', value: 'text' }))
      end(host.set({ key: 'd', value: '42', type: 'dword' }))
      end(host.set({ key: 'q', value: '42', type: 'qword' }))
      end(host.set({ key: 'x', value: '%A%', type: 'expand-string' }))
      // As the real kernel 6.1 with its daemon answered.
      expect(end(host.enumerate({ pool: 'external' })).items).toEqual([
        { key: 's', type: 'string', value: 'text' },
        { key: 'd', type: 'string', value: '42' },
        { key: 'q', type: 'string', value: '' },
        { key: 'x', type: 'string', value: '' },
      ])
      expect(end(host.get({ pool: 'external', key: 's' })).item).toEqual({ key: 's', type: 'string', value: '' })
      expect(end(host.get({ pool: 'external', key: 'none' }))).toMatchObject({ status: 0x80070103 })
    })
  })
})
