import { guestMemory } from '@vmbus/hypervisor'
import { describe, expect, test } from 'vitest'
import { pageAllocator } from '../src/index.ts'

const PAGE = 4096

const dirty = (): ReturnType<typeof guestMemory> => {
  const memory = guestMemory(16 * PAGE)
  memory.bytes.fill(0xff)
  return memory
}
const first = (memory: ReturnType<typeof guestMemory>, pfn: number): number | undefined => memory.bytes[pfn * PAGE]

describe('pages that are handed out', () => {
  test('are zeroed, whatever was in them', () => {
    const memory = dirty()
    const pages = pageAllocator(memory, 2, 16)
    expect(pages.allocate(3)).toEqual([2, 3, 4])
    expect([1, 2, 3, 4, 5].map((pfn) => first(memory, pfn))).toEqual([0xff, 0, 0, 0, 0xff])
  })

  test('are zeroed in whatever order they came back, and no other page is', () => {
    const told: [gpa: number, length: number][] = []
    const memory = guestMemory({ size: 16 * PAGE, wrote: (gpa, length) => void told.push([gpa / PAGE, length / PAGE]) })
    const pages = pageAllocator(memory, 2, 16, { zeroed: true })
    pages.allocate(12)
    memory.bytes.fill(0xff)
    pages.free([3, 4, 5, 9, 8, 7, 11])
    expect(pages.allocate(8)).toEqual([11, 7, 8, 9, 5, 4, 3, 14])
    const zeroed = [3, 4, 5, 7, 8, 9, 11]
    for (let pfn = 0; pfn < 16; pfn++)
      expect(
        memory.bytes.subarray(pfn * PAGE, (pfn + 1) * PAGE).every((byte) => byte === (zeroed.includes(pfn) ? 0 : 0xff)),
      ).toBe(true)
    // Pages in a row at once.
    expect(told).toEqual([
      [11, 1],
      [7, 3],
      [3, 3],
    ])
  })

  test('are left as they are where RAM is said to be zero, until they come back', () => {
    const memory = dirty()
    const pages = pageAllocator(memory, 2, 16, { zeroed: true })
    expect(pages.allocate(3)).toEqual([2, 3, 4])
    expect(first(memory, 3)).toBe(0xff)
    pages.free([3, 4])
    expect(pages.allocate(3)).toEqual([4, 3, 5])
    expect([2, 3, 4, 5].map((pfn) => first(memory, pfn))).toEqual([0xff, 0, 0, 0xff])
    const again = pageAllocator(memory, 2, 16, { zeroed: true })
    again.restore(pages.save())
    expect(again.allocate(1)).toEqual([6])
  })
})
