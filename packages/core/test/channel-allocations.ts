import { bytesPerCall } from '@vmbus/world/testing'
import { channels } from './bare-channels.ts'

/** Says what packets of each type through a channel put on the heap. */
const small = new Uint8Array(64)
const range = [{ byteOffset: 0, byteCount: 4096, pfns: [40] }]
const sections = [
  { byteOffset: 0, byteCount: 100 },
  { byteOffset: 512, byteCount: 100 },
]

const { guest, host } = channels()
let [calls, packets] = [0, 0]
const bytes = bytesPerCall(
  () => process.memoryUsage().heapUsed,
  () => {
    calls++
    guest.sendInBand(small, 1, 0, true)
    guest.sendGpaDirect(range, small, 2, 0)
    host.sendCompletion(small, 1, 0)
    host.sendTransferPages(0xcafe, sections, small, 3, 0)
    while (host.receive() !== undefined) packets++
    while (guest.receive() !== undefined) packets++
  },
  { enough: 4 },
)
process.stdout.write(JSON.stringify({ calls, packets, bytes }))
