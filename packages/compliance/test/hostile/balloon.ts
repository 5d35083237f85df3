import { BALLOON_GUEST_REJECTS, BALLOON_HOST_REJECTS, balloon, type BalloonHost } from '@vmbus/balloon'
import type { DeviceTarget } from '../../src/index.ts'
import { guestPages } from './memory.ts'
import { counted, often, phase, type JudgedTarget } from './target.ts'

const BOOT_PAGES = 65_536
/** Blocks of 128 MiB, as Linux declares them. */
const BLOCK = 32_768
/** Types of the two answers that a guest waits for in its set-up (wire/07 §2). */
const VERSION_RESPONSE = 2
const CAPABILITIES_RESPONSE = 4
/** 2.0. */
const VERSION = 0x2_0000
const SHORT = ['message-short', 'message-type', 'message-size']

const target: DeviceTarget = {
  name: 'balloon',
  create(choose) {
    const counts = counted(['balloon', 'unballoon', 'hot-add'])
    return {
      device: balloon({ bootPages: BOOT_PAGES, settleSeconds: choose.below(2), maxPages: 1 << 20, timeoutSeconds: 20 }),
      driver: balloon.driver({
        memory: guestPages(choose.chance(70)),
        reportDelay: 0,
        // A guest of one version gives up at the first refusal.
        ...(choose.chance(50) && { versions: [VERSION] }),
      }),
      tally: counts.tally,
      exercise({ world, host }) {
        if (host === undefined) return
        counts.listen(world.hostBus)
        const end = host as BalloonHost
        const way = choose.below(4)
        const answer =
          way === 0
            ? end.balloon(1 + choose.below(3000))
            : way === 1
              ? end.unballoon(1 + choose.below(3000))
              : way === 2
                ? end.hotAdd({ start: BOOT_PAGES + choose.below(8) * BLOCK, count: (1 + choose.below(4)) * 4096 })
                : end.balloon(choose.u32())
        if (answer === 'begun') counts.begun()
      },
    }
  },
  ends: {
    host: { short: SHORT, state: phase },
    guest: {
      short: SHORT,
      state: phase,
      // An answer to version or capabilities: its header, then whether it was accepted (wire/07 §2).
      forge(choose) {
        const bytes = new Uint8Array(16)
        const view = new DataView(bytes.buffer)
        view.setUint16(0, choose.chance(50) ? VERSION_RESPONSE : CAPABILITIES_RESPONSE, true)
        view.setUint16(2, 16, true)
        view.setUint32(8, choose.below(2), true)
        return { payload: bytes }
      },
    },
  },
}

const RARE = {
  host: ['message-short', 'balloon-ranges'],
  guest: ['message-short', 'version-none', 'capabilities-refused', 'silence'],
}

export const balloonTarget: JudgedTarget = {
  target,
  branches: {
    host: often(BALLOON_HOST_REJECTS, RARE.host),
    guest: often(BALLOON_GUEST_REJECTS, RARE.guest),
  },
  rare: RARE,
}
