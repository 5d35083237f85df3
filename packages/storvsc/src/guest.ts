export {
  storvscGuest,
  type ScsiCommand,
  type StorvscGuest,
  type StorvscGuestOptions,
  type UnitAddress,
} from './guest/driver.ts'
export { CORRECT, LINUX, LINUX_5_10, type StorvscBehaviour } from './guest/behaviour.ts'
export type { RequestOutcome, RequestResult } from './guest/result.ts'
export type { Direction, Disk, DriverPhase } from './guest/state.ts'
