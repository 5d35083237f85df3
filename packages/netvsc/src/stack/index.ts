export { networkDriver, type NetworkDriver } from './driver.ts'
export {
  FEATURES,
  type AdapterControl,
  type Feature,
  type Features,
  type InterfaceSystem,
  type InterfaceTable,
  type LiveInterface,
  type SendRequest,
  type VfFunction,
  type VfLink,
  type VfState,
} from './interface.ts'
export { UNCONFIGURED, isV6, type IpConfig } from './ip-config.ts'
export { interfaceTable, ping, type EchoRequest } from './table.ts'
