import { realHeartbeat, realShutdown, realTimesync } from './components.ts'
import { realBalloon } from './balloon.ts'
import { realNetvsc } from './netvsc.ts'
import type { RealDeviceFactory } from './device.ts'
import { realKvp } from './kvp.ts'

/** Every device that a real guest's host can offer, by kind. */
export const realDevices: Readonly<Record<string, RealDeviceFactory>> = {
  shutdown: realShutdown,
  heartbeat: realHeartbeat,
  timesync: realTimesync,
  balloon: realBalloon,
  kvp: realKvp,
  netvsc: realNetvsc,
}

/** What a host offers unless told otherwise: the components that every guest has. */
export const CORE_COMPONENTS: readonly string[] = ['shutdown', 'heartbeat', 'timesync']
