export {
  distributionKernels,
  grids,
  hostBuilds,
  type Basis,
  type DistributionKernel,
  type Feature,
  type GridCell,
  type GridFamily,
  type GridRelease,
  type Grids,
  type HostBuild,
  type Sourced,
} from './facts.ts'
