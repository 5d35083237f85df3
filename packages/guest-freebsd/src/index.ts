export { capabilitiesOf, type Basis, type Capabilities } from './capabilities.ts'
export {
  freebsd,
  type FreebsdGeneration,
  type FreebsdOptions,
  type FreebsdServices,
  type FreebsdSurface,
} from './freebsd.ts'
export { FreebsdReleaseError, freebsdRelease, type FreebsdRelease } from './release.ts'
export { vmbusSysctl } from './sysctl.ts'
