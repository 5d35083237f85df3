import type { DvdState } from './state.ts'

const MEDIA = 0x10
const BUSY = 0x40
const OPERATIONAL = 0x02
const POWER = 0x04
const EXTERNAL = 0x08
const MULTI_HOST = 0x20
const SUPPORTED = OPERATIONAL | POWER | EXTERNAL | MEDIA | MULTI_HOST | BUSY

const MediaEvent = { none: 0, ejectRequest: 1, newMedia: 2, removal: 3 } as const

/** Header and event of a class (MMC-6 6.7); class 0 is "nothing of what was asked for". */
function notification(number: number, body: readonly number[]): Uint8Array {
  return Uint8Array.from([0, 2 + body.length, number, SUPPORTED, ...body])
}

/** The media event that is due, and what of it is left. A change of media is reported as a removal, then as an insertion. */
function takeMediaEvent(state: DvdState): number {
  const { event } = state
  state.event = event === 'changed' ? 'inserted' : 'none'
  switch (event) {
    case 'inserted':
      return MediaEvent.newMedia
    case 'removed':
    case 'changed':
      return MediaEvent.removal
    case 'eject-asked':
      return MediaEvent.ejectRequest
    case 'none':
      return MediaEvent.none
  }
}

/** Answer to GET EVENT STATUS NOTIFICATION for the classes asked for; of several, the medium comes first. */
export function eventStatus(state: DvdState, classes: number): Uint8Array {
  if ((classes & MEDIA) !== 0) {
    const event = takeMediaEvent(state)
    return notification(4, [event, (state.trayOpen ? 0x01 : 0) | (state.present ? 0x02 : 0), 0, 0])
  }
  if ((classes & OPERATIONAL) !== 0) return notification(1, [0, 0, 0, 0])
  if ((classes & POWER) !== 0) return notification(2, [0, 1, 0, 0])
  if ((classes & EXTERNAL) !== 0) return notification(3, [0, 0, 0, 0])
  if ((classes & MULTI_HOST) !== 0) return notification(5, [0, 0, 0, 0])
  if ((classes & BUSY) !== 0) return notification(6, [0, 0, 0, 0])
  return notification(0, [])
}
