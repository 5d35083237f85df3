import {
  FREEBSD_KVP_DEVICE,
  LINUX_KVP_DEVICE,
  REGISTRY_KEYS,
  daemonAnswer,
  memoryPools,
  readDaemonRequest,
  registeredVersion,
  registration,
  registryPools,
} from '@vmbus/kvp'
import { expect, it } from 'vitest'

const message = (...parts: [at: number, bytes: number[]][]): Uint8Array => {
  const bytes = new Uint8Array(7432)
  for (const [at, part] of parts) bytes.set(part, at)
  return bytes
}

// Offsets typed from wire/09 §1 and the sizes of hv_kvp_msg: operation 0, pool 1, body 4.
it('a daemon registers with one byte, and reads the version of the services from the answer', () => {
  expect(registration(LINUX_KVP_DEVICE)).toEqual(message([0, [100]]))
  expect(registration(FREEBSD_KVP_DEVICE)).toEqual(message([0, [4]]))
  expect(registeredVersion(message([0, [100]], [4, [0x33, 0x2e, 0x31]]))).toBe('3.1')
})

it('requests on the device are UTF-8, and answers have the error in front', () => {
  const set = message([0, [1, 3]], [4, [1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]], [16, [0xc3, 0xa4]], [528, [0x76]])
  expect(readDaemonRequest(set)).toEqual({ operation: 'set', pool: 'auto-external', item: { key: 'ä', value: 'v' } })
  expect(readDaemonRequest(message([0, [2, 0]], [4, [2, 0, 0, 0, 0x6b]]))).toEqual({
    operation: 'delete',
    pool: 'external',
    key: 'k',
  })
  expect(readDaemonRequest(message([0, [0, 1]], [16, [0x6b]]))).toEqual({ operation: 'get', pool: 'guest', key: 'k' })
  const enumerate = message([0, [3, 2]], [4, [9, 0, 0, 0]])
  expect(readDaemonRequest(enumerate)).toEqual({ operation: 'enumerate', pool: 'auto', index: 9 })
  const found = message(
    [0, [0, 0, 0, 0]],
    [4, [9, 0, 0, 0]],
    [8, [1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]],
    [20, [0xc3, 0xa4]],
    [532, [0x76]],
  )
  expect(daemonAnswer(enumerate, 0, { key: 'ä', value: 'v' })).toEqual(found)
  expect(daemonAnswer(set, 0x80070103)).toEqual(
    message(
      [0, [0x03, 0x01, 0x07, 0x80]],
      [4, [1, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]],
      [16, [0xc3, 0xa4]],
      [528, [0x76]],
    ),
  )
  expect(readDaemonRequest(set.subarray(1))).toBeUndefined()
  expect(readDaemonRequest(message([0, [9, 0]]))).toBeUndefined()
  expect(readDaemonRequest(message([0, [1, 9]]))).toBeUndefined()
})

it('Windows keeps pools as registry keys, with types; values of other types are not exchanged', () => {
  const values = [
    { name: 's', type: 1, data: 'text' },
    { name: 'binary', type: 3, data: '00' },
    { name: 'q', type: 11, data: '7' },
  ]
  const set: unknown[] = []
  const pools = registryPools({
    values: (key) => (key === REGISTRY_KEYS.guest ? values : []),
    set: (...args) => set.push(args) > 0,
    remove: () => false,
  })
  expect(pools.items('guest')).toEqual([
    { key: 's', type: 'string', value: 'text' },
    { key: 'q', type: 'qword', value: '7' },
  ])
  expect(pools.put('external', { key: 'd', type: 'dword', value: '1' })).toBe(0)
  expect(set).toEqual([['SOFTWARE\\Microsoft\\Virtual Machine\\External', { name: 'd', type: 4, data: '1' }]])
  expect([pools.isKey?.('Role', 'ROLE'), pools.isKey?.('Role', 'Rolle')]).toEqual([true, false])
  expect(pools.put('auto-internal', { key: 'd', value: '1' })).toBe(0x80070057)
  expect(pools.remove('auto-internal', 'd')).toBe(0x80070103)
})

it('a full pool takes no new key but replaces one', () => {
  const pools = memoryPools({ guest: Array.from({ length: 1024 }, (_, i) => ({ key: `${i}`, value: '' })) })
  expect(pools.put('guest', { key: 'new', value: '' })).toBe(0x80070070)
  expect(pools.put('guest', { key: '0', value: 'x' })).toBe(0)
})
