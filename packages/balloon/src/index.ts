import { constantIn, defineDevice } from '@vmbus/core'
import { guestOptions } from './guest/state.ts'
import { balloonGuest, type BalloonGuestOptions } from './guest/index.ts'
import { balloonHost, type BalloonHostOptions, type BalloonSettings } from './host/index.ts'
import { BALLOON_INSTANCE, BALLOON_INTERFACE, DmType } from './protocol.ts'

/** `balloon({})` offers dynamic memory, `balloon.driver({ memory })` serves it. */
export const balloon = defineDevice({
  kind: 'balloon',
  interfaceIds: [BALLOON_INTERFACE],
  offer: (options: BalloonHostOptions) => ({
    interfaceId: BALLOON_INTERFACE,
    instanceId: options.instanceId ?? BALLOON_INSTANCE,
  }),
  host: (options: BalloonHostOptions, deps, settings: BalloonSettings | undefined) =>
    balloonHost(options, deps, settings),
  guestOptions,
  guest: (options: BalloonGuestOptions, deps) => balloonGuest(options, deps),
  trace: {
    payloadText: (payload) =>
      payload.length < 4
        ? undefined
        : constantIn(DmType, new DataView(payload.buffer, payload.byteOffset).getUint16(0, true)),
  },
})

export { balance, demandOf, rebalance, type BalancedGuest, type Member, type Move } from './balancer.ts'
export { balloonFloor } from './floor.ts'
export type { BalloonGuestOptions, BalloonQuirk, GuestMemoryManager } from './guest/index.ts'
export type {
  BalloonHost,
  BalloonHostOptions,
  BalloonRefusal,
  BalloonSettings,
  GuestPressure,
  Operation,
} from './host/index.ts'
export {
  BALLOON_GUEST_REJECTS,
  BALLOON_HOST_REJECTS,
  type BalloonGuestReject,
  type BalloonHostReject,
} from './rejects.ts'
export type { PageRun } from './protocol.ts'
