import { guestMemory, type BufferOwner } from '@vmbus/hypervisor'
import { measure } from 'mitata'
import { PACKET_WORDS, Row, Rx, Tx, createChannel, ringArea } from '@vmbus/core'

// A 128 KiB ring of neighbouring pages, as storvsc has, unless it says "scattered". Nanoseconds per packet; each round measures
// everything in turn, ratios are of the same round, and what is printed is the median of the rounds. Five memories are alive and
// have been used, as in a host of five guests: code that is fast for one kind of memory alone is not fast.
const SIZES = [16, 64, 256, 1024, 1500, 4096, 16_384, 65_536]
const ROUNDS = 7
const PAGE = 4096
const RING_PAGES = 33
const SOURCE = 200 * PAGE
const TARGET = 240 * PAGE

const BYTES = 300 * PAGE
const memory = guestMemory(BYTES)
/** The memory of an emulator's WebAssembly, which may grow. */
const wasmMemory = guestMemory({ source: webAssemblyMemory(20), size: BYTES })
const others = [guestMemory(BYTES), guestMemory(new Uint8Array(BYTES)), guestMemory({ size: BYTES, shared: true })]
const neighbours = Array.from({ length: RING_PAGES }, (_, i) => 1 + i)
const scattered = neighbours.map((_, i) => 40 + ((i * 7) % RING_PAGES) * 2)

interface Case {
  readonly name: string
  /** Moves `packets` packets of `size` bytes from one end to the other. */
  make(size: number): { readonly run: () => void; readonly packets: number }
}

const memcpy: Case = {
  name: 'memcpy in and out',
  make(size) {
    const { bytes } = memory
    const span = (RING_PAGES - 1) * PAGE - size
    let at = 0
    return {
      packets: 1,
      run: () => {
        bytes.copyWithin(PAGE + at, SOURCE, SOURCE + size)
        bytes.copyWithin(TARGET, PAGE + at, PAGE + at + size)
        at = (at + size + 24) % span
      },
    }
  },
}

/** TypeScript declares WebAssembly only together with the browser's whole DOM. */
function webAssemblyMemory(initial: number): BufferOwner {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { readonly Memory: new (pages: { readonly initial: number }) => BufferOwner }
  }
  return new WebAssembly.Memory({ initial })
}

function rings(pfns: readonly number[], ram = memory): { tx: Tx; rx: Rx } {
  const area = ringArea(ram, pfns)
  ram.words.fill(0, area.control, area.control + 32)
  return { tx: new Tx(area), rx: new Rx(area) }
}

const single = (name: string, pfns: readonly number[], ram = memory): Case => ({
  name,
  make(size) {
    const { tx, rx } = rings(pfns, ram)
    const payload = new Uint8Array(size).fill(7)
    const words = new Int32Array(32 * 1024)
    const into = new Uint8Array(words.buffer)
    return {
      packets: 1,
      run: () => {
        tx.send(6, 0, payload, 1, 0)
        tx.publish()
        rx.next()
        rx.copy(into, words)
        rx.consume()
        rx.release()
      },
    }
  },
})

/** Fill half, publish once, drain as views, release once. */
const batch: Case = {
  name: 'batch of views',
  make(size) {
    const { tx, rx } = rings(neighbours)
    const packets = Math.max(1, Math.floor((RING_PAGES * PAGE) / 2 / (size + 24)))
    const table = new Int32Array(packets * PACKET_WORDS)
    const drained = new Int32Array(packets * PACKET_WORDS)
    for (let row = 0; row < packets; row++) {
      table[row * PACKET_WORDS + Row.kind] = 6
      table[row * PACKET_WORDS + Row.payload] = SOURCE
      table[row * PACKET_WORDS + Row.payloadLength] = size
    }
    return {
      packets,
      run: () => {
        tx.sendv(table, packets)
        tx.publish()
        rx.drain(drained, packets, Infinity)
        rx.release()
      },
    }
  },
}

const channel: Case = {
  name: 'Channel: sendInBand, receive',
  make(size) {
    const pfns = [...neighbours, 190, 191]
    const options = {
      memory,
      pfns,
      downstreamOffset: RING_PAGES,
      targetVp: 0,
      userData: new Uint8Array(120),
      signal: () => {},
      gpadl: () => undefined,
      offer: {
        interfaceId: '',
        instanceId: '',
        flags: 0,
        mmioMegabytes: 0,
        userDefined: new Uint8Array(120),
        subchannelIndex: 0,
        relid: 1,
        monitorId: 0xff,
        monitorAllocated: false,
        dedicatedInterrupt: true,
        connectionId: 1,
      },
    }
    const guest = createChannel({ ...options, role: 'guest' })
    const host = createChannel({ ...options, role: 'host' })
    const payload = new Uint8Array(size).fill(7)
    return {
      packets: 1,
      run: () => {
        guest.sendInBand(payload, 1, 0, false)
        host.receive()
      },
    }
  },
}

const cases = [
  single('single: send, copy out', neighbours),
  single('single, scattered pages', scattered),
  single('single, in a WebAssembly.Memory', neighbours, wasmMemory),
  batch,
  channel,
]

async function nanoseconds({ make }: Case, size: number): Promise<number> {
  const { run, packets } = make(size)
  const { p50 } = await measure(run, { min_cpu_time: 25e6, warmup_samples: 2, inner_gc: false })
  return p50 / packets
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >>> 1] ?? NaN
const row = (name: string, cells: readonly string[]): void =>
  console.log(`${name.padEnd(34)}${cells.map((cell) => cell.padStart(9)).join('')}`)

for (const ram of others) {
  const { run } = single('', neighbours, ram).make(64)
  for (let warm = 0; warm < 20_000; warm++) run()
}
row('ns per packet (ratio to memcpy)', SIZES.map(String))
const table = new Map<string, string[]>([memcpy, ...cases].map(({ name }) => [name, []]))
for (const size of SIZES) {
  const times = new Map<string, number[]>([memcpy, ...cases].map(({ name }) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of [memcpy, ...cases]) times.get(one.name)?.push(await nanoseconds(one, size))
  }
  const base = times.get(memcpy.name) ?? []
  for (const [name, values] of times) {
    const ratio = median(values.map((value, round) => value / (base[round] ?? NaN)))
    const ns = median(values)
    table.get(name)?.push(name === memcpy.name ? ns.toFixed(1) : `${ns.toFixed(0)} (${ratio.toFixed(1)})`)
  }
}
for (const [name, cells] of table) row(name, cells)
