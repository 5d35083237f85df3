export { bareWorld, type BareWorld, type BareWorldOptions } from './bare-world.ts'
export {
  bench,
  INTERRUPT_MODES,
  type Bench,
  type BenchOptions,
  type BenchPart,
  type InterruptMode,
  type SaveMode,
} from './bench.ts'
export { deviceWorld, type DeviceWorld, type DeviceWorldOptions, type Happened, type Said } from './device-world.ts'
export { rawDevice, rawDriver, type RawDeviceOptions } from './raw.ts'
