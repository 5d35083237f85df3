import { createVhdx, memoryDisk, memoryStore, openVhdx } from '@vmbus/disk'

const scratch = memoryDisk('64M') // sparse, all zeros
scratch.write(0, [new Uint8Array(4096).fill(1)]) // 'ok'

const store = memoryStore() // anything with read, write, truncate and flush
const disk = createVhdx(store, { size: '10G' }) // dynamic, 512e
disk.write(2048, [new Uint8Array(1000).fill(2), new Uint8Array(536).fill(3)]) // three sectors from two buffers
disk.flush()
disk.resize(disk.sectors * 2)
disk.discard(2048, 65536)
disk.close()

const child = createVhdx(memoryStore(), { parent: openVhdx(store, { readOnly: true }) })
if (child.sectors !== 2 * 20_971_520) throw new Error('not grown')
