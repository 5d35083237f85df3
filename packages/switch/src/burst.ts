import type { PortRecord } from './port.ts'

/** Bursts of frames, and the receivers that gather them. */
export interface Bursts {
  /** A frame is about to reach the port. */
  reach(port: PortRecord): void
  /** Runs `work`; the receivers that its frames reached hear of its end, unless it is part of another burst. */
  run(work: () => void): void
}

export function createBursts(): Bursts {
  let depth = 0
  const reached: PortRecord[] = []
  const ends: (() => void)[] = []
  return {
    reach(port) {
      if (depth === 0 || port.owner.gather === undefined || reached.includes(port)) return
      reached.push(port)
      ends.push(port.owner.gather())
    },
    run(work) {
      depth++
      try {
        work()
      } finally {
        depth--
        // An end may lead to a burst of its own, which then ends what is left here as well.
        while (depth === 0 && ends.length > 0) {
          reached.shift()
          ends.shift()?.()
        }
      }
    },
  }
}
