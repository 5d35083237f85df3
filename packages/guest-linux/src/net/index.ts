export { LinuxNetError } from './errors.ts'
export { linuxInterface, netInterfaces, type LinuxInterface, type RssState } from './interfaces.ts'
export { linuxNet } from './system.ts'
