export { guestWith } from './bench/guest.ts'
export type {
  GuestMachine,
  GuestOptions,
  GuestUnderTest,
  HostUnderTest,
  Removable,
  RunningGuest,
  ServingHost,
} from './bench/types.ts'
export { compliance, hostCompliance, type ComplianceOptions, type Subject } from './bus.ts'
export type { DeviceWorld } from '@vmbus/testbench'
export { deviceCompliance, type DeviceComplianceOptions, type DeviceUnderTest, type Tally } from './device.ts'
export * from './hostile/index.ts'
export { machineCompliance, type MachineUnderTest } from './machine.ts'
export { PROTOCOL_RULES } from './protocols/all.ts'
export type { Ends } from './bench/scenario.ts'
export { ComplianceError, type Report, type Rule, type RuleResult } from './rules/rule.ts'
export { DEVICE_RULES, GUEST_RULES, HOST_RULES, MACHINE_RULES } from './rules/tables.ts'
