export { CatalogError, checkCatalogFile, type CatalogErrorCode } from './check.ts'
export { grids, hostBuilds, kernels, osReleases, other, releases, unlistedGuests } from './facts.ts'
export { release } from './release.ts'
export type {
  CatalogData,
  CatalogFile,
  Feature,
  FeatureId,
  GridCell,
  GridFamily,
  GridHost,
  GridRelease,
  GridTable,
  HostBuild,
  PageCell,
  Release,
  UnlistedGuest,
} from './schema.ts'
export { support, supportOf, type PageNote, type PageValue, type Support } from './support.ts'
