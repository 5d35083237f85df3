import type { Removable } from './types.ts'

/** Calls a method by its name, if there is one. What is under test may be anything. */
type Call = (method: string, ...given: readonly unknown[]) => void

function calls(subject: unknown): Call {
  return (method, ...given) => {
    if (typeof subject !== 'object' || subject === null) return
    const found: unknown = Reflect.get(subject, method)
    if (typeof found === 'function') Reflect.apply(found, subject, given)
  }
}

/** Services are asked for in these rounds; later ones only keep the devices busy. */
const SERVICE_ROUNDS = 3
const ITEM = { key: 'compliance', value: 'a value' }
const BALLOON_PAGES = 1000

/** Two blocks of 128 MiB from 4 GiB on: above the RAM of any guest here. After the 50 s in which guests are left in peace. */
const HOT_ADD = { start: 2 ** 20, count: 65_536 }
const HOT_ADD_ROUND = 13

/** What a host asks of its devices when nobody else does: the methods are those of the packages of this workspace. */
const USES: Readonly<Record<string, (call: Call, round: number, last: boolean) => void>> = {
  timesync: (call) => call('sync'),
  // The guest may be gone afterwards.
  shutdown: (call, _, last) => void (last && call('request', {})),
  kvp(call, round) {
    if (round >= SERVICE_ROUNDS) return
    call('set', ITEM)
    call('set', { ...ITEM, key: 'another' })
    call('get', { key: ITEM.key, pool: 'external' })
    call('enumerate', { pool: 'external' })
    call('delete', { key: ITEM.key })
    call('enumerate', { pool: 'external' })
    call('enumerate', { pool: 'auto' })
  },
  vss: (call, round) => void (round < SERVICE_ROUNDS && call('backup', {})),
  fcopy(call, round) {
    if (round < SERVICE_ROUNDS)
      call('copy', {
        source: 'compliance',
        size: 20_000,
        path: '/tmp',
        name: 'compliance',
        overwrite: true,
        createPath: true,
      })
  },
  balloon(call, round) {
    if (round === HOT_ADD_ROUND) call('hotAdd', HOT_ADD)
    else if (round % 2 === 0) call('balloon', BALLOON_PAGES)
    else call('unballoon', BALLOON_PAGES)
  },
  // Each is a control message to the guest, in a section that it has to give back.
  netvsc: (call, round) => call(round % 2 === 0 ? 'disconnectLink' : 'connectLink'),
}

export function useHost(devices: readonly Removable[], round: number, last: boolean): void {
  for (const { kind = '', device, rescinded } of devices)
    if (!rescinded && device !== undefined) USES[kind]?.(calls(device), round, last)
}

/** A broadcast of 60 bytes, of a type for experiments (IEEE 802, local experimental Ethertype 1). */
const FRAME = Uint8Array.from({ length: 60 }, (_, at) =>
  at < 6 ? 0xff : ([2, 0x15, 0x5d, 0, 0, 1, 0x88, 0xb5][at - 6] ?? 0),
)

/** What a guest does with its drivers: an adapter that is ready sends a frame. */
export function useDrivers(drivers: readonly object[]): void {
  for (const driver of drivers)
    if ('send' in driver && 'phase' in driver && driver.phase === 'ready') calls(driver)('send', { bytes: FRAME })
}
