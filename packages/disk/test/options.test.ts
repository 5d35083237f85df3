import { seeded } from '@vmbus/world'
import {
  checkpoints,
  createVhd,
  createVhdx,
  faultInjectingDisk,
  memoryDisk,
  memoryStore,
  openImage,
  openVhd,
  openVhdx,
  queued,
  rawDisk,
} from '@vmbus/disk'
import { createDisk, fileStore, openCheckpoints, openDisk } from '@vmbus/disk/file'
import { afterAll, describe, expect, it } from 'vitest'
import { codeOf, temporaryDirectory } from './support.ts'

const { path, remove } = temporaryDirectory()
afterAll(remove)

/** Each public function with options, by what it makes of them. The options come from programs without types. */
const calls: readonly [name: string, call: (options: object) => unknown, good: object, bad: readonly object[]][] = [
  ['memoryStore', memoryStore, { size: 512 }, [{ size: Number.NaN }, { limit: -1 }, { contents: 'abc' }]],
  ['memoryDisk', (options) => memoryDisk('1M', options), {}, [{ sectorSize: '512' }, { limit: Number.NaN }]],
  ['rawDisk', (options) => rawDisk(memoryStore({ size: 512 }), options), {}, [{ readOnly: 1 }, { identity: [1] }]],
  [
    'createVhd',
    (options) => createVhd(memoryStore(), options),
    { size: '1M' },
    [{ blockSize: Number.NaN }, { timestamp: -1 }, { type: 'sparse' }, { size: {} }],
  ],
  [
    'createVhdx',
    (options) => createVhdx(memoryStore(), options),
    { size: '1M' },
    [{ blockSize: Number.NaN }, { logSize: Number.NaN }, { parentPaths: { relativ: 'a' } }, { newIdentity: 1 }],
  ],
  ['openVhd', (options) => openVhd(made('vhd'), options), {}, [{ readOnly: 'no' }]],
  ['openVhdx', (options) => openVhdx(made('vhdx'), options), {}, [{ newIdentity: {} }]],
  ['openImage', (options) => openImage(made('vhdx'), options), {}, [{ format: 'VHDX' }, { parent: 'a' }]],
  [
    'queued',
    (options) => queued(memoryDisk('1M'), options as { seed: ReturnType<typeof seeded> }),
    { seed: seeded(0) },
    [{ depth: 0 }, { minDelay: Number.NaN }, { maxDelay: '5' }, { seed: 1 }],
  ],
  [
    'faultInjectingDisk',
    (fault) => faultInjectingDisk(memoryDisk('1M'), [fault as { status: 'no-space' }]),
    { status: 'no-space' },
    [{ status: 'ok' }, { times: Number.NaN }, { operation: 'trim' }],
  ],
  ['fileStore', (options) => fileStore(path('a.vhdx'), options).close(), {}, [{ readOnly: 0 }, { locks: {} }]],
  [
    'openDisk',
    (options) => openDisk(path('a.vhdx'), options).close(),
    {},
    [{ raw: { sectorsize: 512 } }, { parentFolders: 'here' }, { format: 'qcow2' }],
  ],
  ['openCheckpoints', (options) => openCheckpoints(path('a.vhdx'), options).close(), {}, [{ readOnly: true }]],
  [
    'createDisk',
    (options) => createDisk({ path: path('b.vhdx'), format: 'vhdx', size: '1M', ...options }).close(),
    {},
    [{ format: 'qcow2' }, { path: 5 }, { blockSize: Number.NaN }],
  ],
]

function made(format: 'vhd' | 'vhdx') {
  const store = memoryStore()
  ;(format === 'vhd' ? createVhd : createVhdx)(store, { size: '1M' }).close()
  return store
}
createDisk({ path: path('a.vhdx'), format: 'vhdx', size: '1M' }).close()

describe.each(calls)('the options of %s', (_name, call, good, bad) => {
  it('are taken as they should be, and refused with a misspelt name or another kind of value', () => {
    expect(codeOf(() => call({ ...good, misspelt: 1 }))).toBe('VMBUS_OPTIONS_INVALID')
    for (const options of bad)
      expect([options, codeOf(() => call({ ...good, ...options }))]).toEqual([options, 'VMBUS_OPTIONS_INVALID'])
    expect(codeOf(() => call(good))).toBe('none')
  })
})

it('a merge has a number of bytes, and a queue an order of its delays', () => {
  const disk = checkpoints(memoryDisk('1M'))
  disk.checkpoint()
  for (const bytes of [Number.NaN, -1]) expect(codeOf(() => disk.merge(bytes))).toBe('VMBUS_OPTIONS_INVALID')
  expect(disk.merge()).toBe(true)
  expect(codeOf(() => queued(memoryDisk('1M'), { seed: seeded(0), minDelay: 5, maxDelay: 4 }))).toBe(
    'VMBUS_DISK_OPTION',
  )
})
