import { kvp, memoryPools, type IpInfo, type KvpGuest, type KvpHost, type KvpPoolName } from '@vmbus/kvp'
import type { DeviceTarget } from '../../src/index.ts'
import { IC_GUEST, IC_HOST, icGuestEnd, icHostEnd } from './ic.ts'
import { counted, type JudgedTarget } from './target.ts'

const KVP = 2
const ADAPTER = '{11111111-2222-3333-4444-555555555555}'
const POOLS: readonly [KvpPoolName, ...KvpPoolName[]] = ['external', 'guest', 'auto', 'auto-external']
const info: IpInfo = {
  adapterId: ADAPTER,
  family: 'ipv4',
  dhcp: false,
  addresses: ['10.0.0.2'],
  subnets: ['255.255.255.0'],
  gateways: ['10.0.0.1'],
  dns: ['10.0.0.1'],
}

const target: DeviceTarget = {
  name: 'kvp',
  memoryMB: 2,
  create(choose) {
    const counts = counted(['completed'])
    return {
      device: kvp({ replySeconds: 5 }),
      driver: kvp.driver({
        pools: memoryPools(),
        intrinsic: () => [{ key: 'OSName', value: 'x' }],
        ...(choose.chance(80) && {
          network: {
            get: ({ adapterId }) => (adapterId === ADAPTER ? info : undefined),
            set: ({ adapterId }) => (adapterId === ADAPTER ? 0 : 0x8004_1002),
          },
        }),
      }),
      tally: counts.tally,
      exercise({ world, host, driver }) {
        if (choose.chance(3)) (driver as KvpGuest | undefined)?.setDaemon(choose.chance(80))
        if (host === undefined) return
        counts.listen(world.hostBus)
        const end = host as KvpHost
        const key = `key ${choose.below(4)}`
        const ask = [
          () => end.set({ key, value: 'value', pool: choose.pick(POOLS) }),
          () => end.set({ key, value: `${choose.u32()}`, type: 'dword' }),
          () => end.get({ key, pool: choose.pick(POOLS) }),
          () => end.delete({ key, pool: choose.pick(POOLS) }),
          () => end.enumerate({ pool: choose.pick(POOLS) }),
          () => end.getIp({ adapterId: choose.chance(80) ? ADAPTER : '{none}', family: 'both' }),
          () => end.setIp(choose.chance(80) ? info : { ...info, adapterId: '{none}' }),
        ]
        if (typeof choose.any(ask)?.() === 'number') counts.begun()
      },
    }
  },
  ends: {
    host: icHostEnd,
    guest: icGuestEnd(KVP, 1, ({ daemon }) => (daemon === true ? 'served' : 'without daemon')),
  },
}

/** Operations by number: GET, SET, DELETE, ENUMERATE, GET_IP, SET_IP (Linux include/uapi/linux/hyperv.h). */
const MISSING = ['0 0x80070103', '2 0x80070103', '3 0x80070103', '4 0x80041002', '5 0x80041002']
const INVALID = [0, 1, 2, 3, 5].map((operation) => `${operation} 0x80070057`)
const RARE = [
  '4 0x80070057',
  '4 0x80070032',
  '5 0x80070032',
  'unknown 0x80070032',
  'unknown 0x80070057',
  '3 0x80004005',
]

export const kvpTarget: JudgedTarget = {
  target,
  branches: { host: IC_HOST, guest: [...IC_GUEST, ...MISSING, ...INVALID] },
  rare: { guest: RARE },
}
