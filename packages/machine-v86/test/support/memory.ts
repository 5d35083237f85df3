import type { GuestMemory } from '@vmbus/hypervisor'

/** Guest memory without a machine. */
export function plainMemory(mebibytes: number): GuestMemory {
  const size = mebibytes * 2 ** 20
  const buffer = new ArrayBuffer(size)
  return {
    size,
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
    words: new Int32Array(buffer),
    wrote: () => undefined,
  }
}
