import { kvp, type KvpHost, type KvpHostOptions } from '@vmbus/kvp'
import type { RealDeviceFactory } from './device.ts'

type Request<M extends 'set' | 'get' | 'delete' | 'enumerate' | 'getIp' | 'setIp'> = Parameters<KvpHost[M]>[0]

export const realKvp: RealDeviceFactory = (host, options) => {
  const handle = host.offer(kvp(options as KvpHostOptions))
  return (
    handle && {
      actions: {
        set: (item) => handle.device.set(item as Request<'set'>),
        get: (key) => handle.device.get(key as Request<'get'>),
        delete: (key) => handle.device.delete(key as Request<'delete'>),
        enumerate: (pool) => handle.device.enumerate(pool as Request<'enumerate'>),
        getIp: (query) => handle.device.getIp(query as Request<'getIp'>),
        setIp: (info) => handle.device.setIp(info as Request<'setIp'>),
        inspect: () => handle.device.inspect(),
      },
      result: () => handle.device.inspect(),
    }
  )
}
