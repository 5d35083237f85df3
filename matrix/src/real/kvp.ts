import { kvp, type KvpHost, type KvpHostInfo, type KvpHostOptions } from '@vmbus/kvp'
import type { RealDeviceFactory } from './device.ts'

type Request<M extends 'set' | 'get' | 'delete' | 'enumerate' | 'getIp' | 'setIp'> = Parameters<KvpHost[M]>[0]

/** Names of nobody: a recorded run is the same on every machine. */
const HOST_INFO: KvpHostInfo = {
  HostName: 'vmbus-host',
  PhysicalHostName: 'VMBUS-HOST',
  PhysicalHostNameFullyQualified: 'vmbus-host.example',
  VirtualMachineName: 'guest',
  VirtualMachineId: '6D6D7562-7600-4000-8000-000000000001',
}

export const realKvp: RealDeviceFactory = (host, options) => {
  const handle = host.offer(kvp({ hostInfo: HOST_INFO, ...(options as KvpHostOptions) }))
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
