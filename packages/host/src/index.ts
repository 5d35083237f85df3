export { EMULATED, HOST_FEATURES, type EmulatedDevice, type FeatureFact, type HostFeature } from './features.ts'
export { createHost, type Host, type HostOptions } from './host.ts'
export {
  after,
  profileOf,
  type BuildFacts,
  type DeviceLimits,
  type DeviceSettings,
  type Generation,
  type HostFacts,
  type HostProfile,
  type ProfileDelta,
  type VersionFacts,
  type VersionSettings,
} from './profile.ts'
export {
  azurelocal,
  hostProfile,
  hostProfiles,
  win10v1507,
  win10v1511,
  win10v1703,
  win10v1709,
  win10v1803,
  win10v1903,
  win10v2004,
  win11v22h2,
  ws2008,
  ws2008r2,
  ws2012,
  ws2012r2,
  ws2016,
  ws2019,
  ws2022,
  ws2025,
} from './profiles.ts'
export { firstHost, whyNot, type Absence, type DeviceKind, type VirtualMachine } from './why-not.ts'
