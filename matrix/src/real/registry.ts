import { realHeartbeat, realShutdown, realTimesync } from './components.ts'
import { realBalloon } from './balloon.ts'
import { realNetvsc } from './netvsc.ts'
import type { RealDeviceFactory } from './device.ts'
import { realStorvsc } from './storvsc.ts'
import { realFcopy } from './fcopy.ts'
import { realKvp } from './kvp.ts'
import { realVss } from './vss.ts'

/** Every device that a real guest's host can offer, by kind. */
export const realDevices: Readonly<Record<string, RealDeviceFactory>> = {
  shutdown: realShutdown,
  heartbeat: realHeartbeat,
  timesync: realTimesync,
  balloon: realBalloon,
  storvsc: realStorvsc,
  kvp: realKvp,
  vss: realVss,
  fcopy: realFcopy,
  netvsc: realNetvsc,
}

/** What a host offers unless told otherwise: the components that every guest has. */
export const CORE_COMPONENTS: readonly string[] = ['shutdown', 'heartbeat', 'timesync']
