export { default as fc } from 'fast-check'
export type { EndName, Ends, OurEnd, OwnDevice } from '../probes/ends.ts'
export { arrive, byGuest, byHost, fails, works } from '../probes/arrive.ts'
export type { Control, Finding, Probe, ProbeMachine, Reads } from '../probes/probe.ts'
export type { PropertyEnd, Stage } from '../probes/stage.ts'
export {
  defineConfig,
  type OwnFeature,
  type OwnFields,
  type OwnGuest,
  type OwnHost,
  type VmbusConfig,
} from './config.ts'
