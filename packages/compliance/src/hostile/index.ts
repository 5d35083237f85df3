export { attackGuest, type GuestAttackOptions } from './attack-guest.ts'
export { attackHost, type HostAttackOptions } from './attack-host.ts'
export { mutate } from './mutate.ts'
export type { AttackOptions, AttackReport } from './report.ts'
