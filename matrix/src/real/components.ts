import { heartbeat } from '@vmbus/heartbeat'
import { shutdown, type ShutdownRequest } from '@vmbus/shutdown'
import { timesync } from '@vmbus/timesync'
import type { RealDeviceFactory } from './device.ts'

export const realHeartbeat: RealDeviceFactory = (host) => {
  const handle = host.offer(heartbeat({}))
  return handle && { result: () => handle.device.inspect() }
}

export const realTimesync: RealDeviceFactory = (host) => {
  const handle = host.offer(timesync({}))
  return handle && { actions: { sync: () => handle.device.sync() }, result: () => handle.device.inspect() }
}

export const realShutdown: RealDeviceFactory = (host) => {
  const handle = host.offer(shutdown({}))
  return (
    handle && {
      actions: { request: (argument) => handle.device.request((argument ?? {}) as ShutdownRequest) },
      result: () => handle.device.inspect(),
    }
  )
}
