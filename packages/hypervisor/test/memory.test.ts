import { expect, test, vi } from 'vitest'
import { guestMemory } from '../src/index.ts'

test('bytes, view and words are one memory, with GPA 0 at the base', () => {
  const buffer = new ArrayBuffer(3 * 4096)
  for (const memory of [
    guestMemory(4096),
    guestMemory({ size: 4096, shared: true }),
    guestMemory(new Uint8Array(buffer, 4096, 4096)),
    guestMemory({ source: buffer, base: 8, size: 4096 }),
  ]) {
    memory.bytes.set([1, 2, 3, 4], 8)
    expect(memory.size).toBe(4096)
    expect(memory.view.getUint32(8, true)).toBe(0x0403_0201)
    expect(Atomics.compareExchange(memory.words, 2, 0x0403_0201, 7)).toBe(0x0403_0201)
    expect(memory.bytes[8]).toBe(7)
    expect(memory.bytes.length).toBe(4096)
  }
  expect(new Uint8Array(buffer)[4096 + 8]).toBe(7)
  expect(new Uint8Array(buffer)[16]).toBe(7)
})

test('the buffer of an owner is followed when it is replaced', () => {
  const owner = { buffer: new ArrayBuffer(8192) }
  const memory = guestMemory({ source: owner, base: 4096 })
  memory.bytes[0] = 1
  owner.buffer = new ArrayBuffer(16384)
  expect([memory.size, memory.bytes[0], memory.words[0], memory.view.getUint8(0)]).toEqual([4096, 0, 0, 0])
  memory.words[0] = 9
  expect(new Uint8Array(owner.buffer)[4096]).toBe(9)
})

interface Wasm {
  new (pages: { readonly initial: number; readonly maximum: number; readonly shared?: boolean }): {
    readonly buffer: ArrayBufferLike
    grow(pages: number): number
  }
}
const WasmMemory = (globalThis as unknown as { readonly WebAssembly: { readonly Memory: Wasm } }).WebAssembly.Memory

test.each([{ shared: false }, { shared: true }])('memory of WebAssembly is followed when it grows: %o', (kind) => {
  const owner = new WasmMemory({ initial: 1, maximum: 3, ...kind })
  const memory = guestMemory({ source: owner, base: 4096, size: 8192 })
  memory.bytes[4] = 5
  owner.grow(1)
  expect([memory.size, memory.bytes.length, memory.words[1], memory.view.getUint8(4)]).toEqual([8192, 8192, 5, 5])
  memory.words[1] = 6
  expect(new Uint8Array(owner.buffer)[4096 + 4]).toBe(6)
  expect(memory.concurrent).toBe(kind.shared)
})

test('memory of WebAssembly is asked for its buffer when it has grown, not at each use', () => {
  const owner = new WasmMemory({ initial: 1, maximum: 3 })
  const asked = vi.spyOn(owner, 'buffer', 'get')
  const memory = guestMemory({ source: owner })
  asked.mockClear()
  for (let n = 0; n < 100; n++) memory.words[n] = (memory.bytes[n] ?? 0) + memory.view.getUint8(n)
  expect(asked).not.toHaveBeenCalled()
  owner.grow(1)
  expect(memory.bytes.length).toBe(65_536)
  expect(memory.bytes.buffer).toBe(owner.buffer)
})

test('shared memory is a SharedArrayBuffer; writes are reported to the owner', () => {
  expect(guestMemory({ size: 4096, shared: true }).bytes.buffer).toBeInstanceOf(SharedArrayBuffer)
  const wrote: number[][] = []
  guestMemory({ size: 4096, wrote: (gpa, length) => wrote.push([gpa, length]) }).wrote(3, 4)
  expect(wrote).toEqual([[3, 4]])
})

test('sizes that no guest has are refused', () => {
  for (const bad of [
    0,
    -4096,
    100,
    4097,
    Number.NaN,
    new ArrayBuffer(5),
    { size: 4096, base: 2, source: new ArrayBuffer(8192) },
    { size: 8192, source: new ArrayBuffer(4096) },
  ]) {
    expect(() => guestMemory(bad)).toThrow('VMBUS_GUEST_MEMORY')
  }
})

test('a buffer that is too short is named', () => {
  expect(() => guestMemory({ size: 8192, source: new ArrayBuffer(4096) })).toThrow(
    '8192 bytes at 0 exceed a buffer of 4096',
  )
  expect(() => guestMemory({ size: 4096, base: 4, source: new ArrayBuffer(4096) })).toThrow(
    '4096 bytes at 4 exceed a buffer of 4096',
  )
})
