import type { Timers } from '@vmbus/world'
import type { Budget } from '../budget.ts'
import type { Frame } from '../frame.ts'

export const OUTBOX_TIMER = 'send'

/** Frames that wait for the call into the peer to end, or for time to go on. */
export interface Outbox {
  /** Takes a frame, or drops it when as many wait as may ever. */
  add(frame: Uint8Array): void
  /** Sends in order what the budget allows, and sets the timer for the rest. What is added meanwhile follows. */
  flush(): void
  /** The timer has fired. */
  timer(): void
  save(): Uint8Array[]
  load(frames: readonly Uint8Array[]): void
}

/** Frames that wait at most; a burst that fills the window of many sockets is below. */
export const MOST_FRAMES = 16_384

export function createOutbox(budget: Budget, timers: Timers, send: (frame: Frame) => void): Outbox {
  let frames: Uint8Array[] = []
  let isFlushing = false
  let isArmed = false

  const arm = (): void => {
    isArmed = frames.length > 0
    if (isArmed) timers.set(OUTBOX_TIMER, budget.opensAt())
    else timers.clear(OUTBOX_TIMER)
  }
  return {
    add(frame) {
      if (frames.length < MOST_FRAMES) frames.push(frame)
    },
    flush() {
      if (isFlushing) return
      isFlushing = true
      let sent = 0
      try {
        while (sent < frames.length && budget.take()) {
          const bytes = frames[sent++]
          if (bytes !== undefined) send({ bytes })
        }
      } finally {
        if (sent === frames.length) frames.length = 0
        else frames = frames.slice(sent)
        isFlushing = false
        if (frames.length > 0 || isArmed) arm()
      }
    },
    timer() {
      isArmed = false
    },
    save: () => frames.map((frame) => frame.slice()),
    load(saved) {
      frames = [...saved]
      arm()
    },
  }
}
