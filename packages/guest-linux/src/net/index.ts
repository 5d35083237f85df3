export { LinuxNetError } from './errors.ts'
export { ethernet } from './ethernet.ts'
export { linuxInterface, netInterfaces, type EchoRequest, type LinuxInterface } from './interfaces.ts'
