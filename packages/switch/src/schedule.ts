import { copyFrame, type Frame } from './frame.ts'

/** A frame under way: on its way into the switch from a port, or out to it. */
export interface Transit {
  readonly at: number
  /** Equal times arrive in order of this. */
  readonly order: number
  readonly port: number
  readonly inbound: boolean
  readonly frame: Frame
}

export interface Schedule {
  /** Bytes of all frames under way. */
  readonly bytes: number
  /** Keeps a copy of the frame. */
  add(at: number, port: number, inbound: boolean, frame: Frame): void
  /** The time of the next one, Infinity when there is none. */
  next(): number
  take(): Transit | undefined
  /** Drops what is under way from or to a port. */
  forget(port: number): void
  save(): { order: number; transits: Transit[] }
  load(state: { readonly order: number; readonly transits: readonly Transit[] }): void
}

const before = (a: Transit, b: Transit): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** A binary heap of frames under way. */
export function createSchedule(): Schedule {
  let heap: Transit[] = []
  let order = 0
  let bytes = 0

  const insert = (transit: Transit): void => {
    let at = heap.length
    heap.push(transit)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || !before(transit, above)) break
      heap[at] = above
      at = parent
    }
    heap[at] = transit
    bytes += transit.frame.bytes.length
  }
  const sink = (transit: Transit): void => {
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let below = heap[child]
      const right = heap[child + 1]
      if (below !== undefined && right !== undefined && before(right, below)) {
        below = right
        child++
      }
      if (below === undefined || !before(below, transit)) break
      heap[at] = below
      at = child
    }
    heap[at] = transit
  }

  return {
    get bytes() {
      return bytes
    },
    add(at, port, inbound, frame) {
      insert({ at, order: order++, port, inbound, frame: copyFrame(frame) })
    },
    next: () => heap[0]?.at ?? Infinity,
    take() {
      const first = heap[0]
      const last = heap.pop()
      if (first === undefined || last === undefined) return undefined
      if (heap.length > 0) sink(last)
      bytes -= first.frame.bytes.length
      return first
    },
    forget(port) {
      const kept = heap.filter((transit) => transit.port !== port)
      heap = []
      bytes = 0
      for (const transit of kept) insert(transit)
    },
    save: () => ({ order, transits: heap.map((transit) => ({ ...transit, frame: copyFrame(transit.frame) })) }),
    load(state) {
      heap = []
      bytes = 0
      order = state.order
      for (const transit of state.transits) insert({ ...transit, frame: copyFrame(transit.frame) })
    },
  }
}
