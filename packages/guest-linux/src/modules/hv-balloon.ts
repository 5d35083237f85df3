import { balloon, type BalloonQuirk } from '@vmbus/balloon'
import type { QuirkId } from '../quirks.ts'
import type { LinuxModule } from './module.ts'

const BALLOON_QUIRKS: readonly (readonly [QuirkId, BalloonQuirk])[] = [
  ['balloon-claims-hot-add', 'claims-hot-add'],
  ['balloon-answers-each-size', 'answers-each-size'],
]

/**
 * Jiffies begin 300 s before 32 bits of them wrap (include/linux/jiffies.h, INITIAL_JIFFIES). Until then a 32-bit kernel
 * takes the time of its last report, 0, for one to come; from a second later on it reports.
 */
const FIRST_REPORT_SECONDS = 301

/** drivers/hv/hv_balloon.c. */
export const hvBalloon: LinuxModule = {
  name: 'hv_balloon',
  kinds: [balloon.kind],
  drivers({ capabilities, quirks, system }) {
    if (capabilities.balloon === undefined) return []
    const isLate = system.identity.machine === 'i686' && quirks.has('balloon-late-first-report')
    return [
      balloon.driver({
        memory: system.memory,
        versions: capabilities.balloon,
        reportsFrom: isLate ? FIRST_REPORT_SECONDS : 0,
        quirks: [
          ...BALLOON_QUIRKS.flatMap(([id, quirk]) => (quirks.has(id) ? [quirk] : [])),
          ...(capabilities.balloonWholeChunks ? (['whole-chunks-at-floor'] as const) : []),
        ],
      }),
    ]
  },
}
