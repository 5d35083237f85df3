export type { Delay } from './event-queue.ts'
export { SimulationError, type SimulationErrorCode } from './errors.ts'
export type { AttachOptions } from './guest-life.ts'
export type { GuestOptions, WorldGuest } from './guest.ts'
export type { WorldHost } from './host.ts'
export type { NetOf, PingOptions, WorldInterface } from './net.ts'
export {
  compareReplay,
  fromReplayFile,
  recordReplay,
  replayOptions,
  toReplayFile,
  type Replay,
  type ReplayOptions,
} from './replay.ts'
export type { Awaited, GuestEvent, PowerState, UntilOptions } from './types.ts'
export { simulate, type Duration, type SaveOptions, type SimulationOptions, type World } from './world.ts'
