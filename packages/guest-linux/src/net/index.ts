export { LinuxNetError } from './errors.ts'
export { ethernet } from './ethernet.ts'
export { UNCONFIGURED, isV6, type IpConfig } from './ip-config.ts'
export {
  linuxInterface,
  netInterfaces,
  type NetInterfaces,
  type EchoRequest,
  type LinuxInterface,
} from './interfaces.ts'
