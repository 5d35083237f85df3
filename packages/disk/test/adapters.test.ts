import { seeded } from '@vmbus/world'
import { describe, expect, it } from 'vitest'
import {
  createVhdx,
  DiskError,
  faultInjectingDisk,
  memoryDisk,
  memoryStore,
  openVhdx,
  queued,
  rawDisk,
  type BlockStatus,
  type CompletionTable,
} from '@vmbus/disk'
import { pattern } from './support.ts'

describe('queued', () => {
  const table = (): CompletionTable => ({ slots: [], statuses: [] })
  const load = (seed: number, saveAt = -1): string => {
    let queue = queued(memoryDisk('1M'), { seed: seeded(seed), minDelay: 5, maxDelay: 50 })
    const done = table()
    const log: string[] = []
    for (let now = 0, slot = 0; slot < 40 || queue.pending > 0; now++) {
      if (now === saveAt) {
        const saved = queue.save()
        queue = queued(memoryDisk('1M'), { seed: seeded(seed), minDelay: 5, maxDelay: 50 })
        queue.restore(saved)
      }
      if (slot < 40) queue.submit({ operation: 'write', sector: slot, buffers: [pattern(512, slot)] }, slot++, now)
      const count = queue.completions(done, now)
      for (let i = 0; i < count; i++) log.push(`${now}:${done.slots[i]}:${done.statuses[i]}`)
    }
    return log.join(' ')
  }

  it('completes each request once, in an order and at times of the seed', () => {
    const first = load(1)
    expect(load(1)).toBe(first)
    expect(load(2)).not.toBe(first)
    const slots = first.split(' ').map((entry) => Number(entry.split(':')[1]))
    expect([...slots].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i))
    expect(slots).not.toEqual([...slots].sort((a, b) => a - b))
  })

  it('saved and restored at any moment, goes on alike', () => {
    const whole = load(3)
    for (let at = 0; at < 60; at += 7) expect(load(3, at)).toBe(whole)
  })

  it('is full at its depth, and hands the status over', () => {
    const queue = queued(memoryDisk('1M'), { seed: seeded(1), depth: 1 })
    expect(queue.next()).toBe(Infinity)
    expect(queue.submit({ operation: 'read', sector: 4096, buffers: [new Uint8Array(512)] }, 7, 100)).toBe(true)
    expect(queue.submit({ operation: 'flush' }, 8, 100)).toBe(false)
    const done = table()
    expect(queue.next()).toBe(100)
    expect(queue.completions(done, 100)).toBe(1)
    expect([done.slots[0], done.statuses[0]]).toEqual([7, 'out-of-range'])
  })
})

describe('fault-injecting', () => {
  it('answers what was injected, so often, for the sectors named', () => {
    const disk = faultInjectingDisk(memoryDisk('1M'))
    disk.inject({ operation: 'write', sector: 10, count: 2, status: 'medium-error', times: 1 })
    disk.inject({ operation: 'flush', status: 'no-space', times: 1 })
    const write = (sector: number): BlockStatus => disk.write(sector, [pattern(512, 1)])
    expect([write(9), write(11), write(11), write(12), disk.flush(), disk.flush()]).toEqual([
      'ok',
      'medium-error',
      'ok',
      'ok',
      'no-space',
      'ok',
    ])
    disk.inject({ status: 'medium-error' })
    expect(disk.read(0, [new Uint8Array(512)])).toBe('medium-error')
    disk.heal()
    expect(disk.read(0, [new Uint8Array(512)])).toBe('ok')
    expect(disk.sectors).toBe(2048)
  })
})

describe('locks and modes', () => {
  it('one store: several readers, or one writer', () => {
    const store = memoryStore()
    const writer = createVhdx(store, { size: '4M' })
    expect(() => openVhdx(store)).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
    expect(() => openVhdx(store, { readOnly: true })).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_LOCKED' }))
    writer.close()
    const readers = [openVhdx(store, { readOnly: true }), openVhdx(store, { readOnly: true })]
    expect(() => openVhdx(store)).toThrow('2 readers')
    for (const reader of readers) reader.close()
    openVhdx(store).close()
  })

  it('read-only refuses changes with a status, and out-of-range ones too', () => {
    const store = memoryStore({ size: 8192 })
    const disk = rawDisk(store, { readOnly: true })
    expect([disk.write(0, [new Uint8Array(512)]), disk.discard(0, 1), disk.zero(0, 1), disk.flush()]).toEqual([
      'read-only',
      'read-only',
      'read-only',
      'ok',
    ])
    expect(() => disk.resize(1)).toThrow(DiskError)
    const writable = memoryDisk(8192)
    for (const [sector, length] of [
      [16, 512],
      [15, 1024],
      [-1, 512],
      [0.5, 512],
      [0, 100],
    ] as const) {
      expect(writable.read(sector, [new Uint8Array(length)])).toBe('out-of-range')
      expect(writable.write(sector, [new Uint8Array(length)])).toBe('out-of-range')
    }
    expect(writable.discard(10, 7)).toBe('out-of-range')
    writable.close()
    expect(writable.read(0, [new Uint8Array(512)])).toBe('medium-error')
  })

  it('a parent that changed, or another one, is refused', () => {
    const parentStore = memoryStore()
    const parent = createVhdx(parentStore, { size: '4M' })
    const childStore = memoryStore()
    createVhdx(childStore, { parent }).close()
    parent.write(0, [pattern(512, 1)])
    expect(() => openVhdx(childStore, { parent })).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_PARENT' }))
    expect(() => openVhdx(childStore)).toThrow(expect.objectContaining({ code: 'VMBUS_DISK_PARENT' }))
    childStore.lock.acquire('write')()
  })

  it('buffers may be views on shared memory', () => {
    const disk = createVhdx(memoryStore(), { size: '4M' })
    const ram = new Uint8Array(new SharedArrayBuffer(65536))
    ram.set(pattern(4096, 1), 1000)
    expect(disk.write(3, [ram.subarray(1000, 1100), ram.subarray(1100, 5096)])).toBe('ok')
    expect(disk.read(3, [ram.subarray(20000, 24000), ram.subarray(30000, 30096)])).toBe('ok')
    expect(Uint8Array.from(ram.subarray(20000, 24000))).toEqual(pattern(4096, 1).subarray(0, 4000))
  })
})
