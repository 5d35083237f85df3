/**
 * The floors of the workspace, written down once: the lint configuration and the check of the dependency graph read them
 * from here. A package may import from floors below its own, and nothing else.
 *
 * A package in `beside` may also import the named packages of its own floor.
 */
export const floors = [
  { floor: 0, packages: ['world'] },
  { floor: 1, packages: ['layout'] },
  { floor: 2, packages: ['disk', 'switch', 'pcapng', 'hypervisor'] },
  { floor: 3, packages: ['core'] },
  { floor: 4, packages: ['ic', 'testbench'], beside: { ic: ['testbench'] } },
  {
    floor: 5,
    packages: ['netvsc', 'storvsc', 'balloon', 'heartbeat', 'timesync', 'shutdown', 'kvp', 'vss', 'fcopy'],
  },
  { floor: 6, packages: ['host', 'guest-linux', 'guest-freebsd', 'guest-windows'] },
  {
    floor: 7,
    packages: ['trace', 'simulation', 'machine-v86', 'compliance'],
    beside: { compliance: ['trace', 'simulation', 'machine-v86'] },
  },
  { floor: 8, packages: ['catalog'] },
  { floor: 9, packages: ['report'] },
  { floor: 10, packages: ['matrix'] },
]

/** Names of the devices' packages. */
export const devicePackages = floors.filter(({ floor }) => floor === 5).flatMap(({ packages }) => packages)

/** The highest floor whose sources are pure: no `node:` modules, clocks, timers, chance, process, I/O or promises. */
export const HIGHEST_PURE_FLOOR = 6

/**
 * Files of pure floors that may touch Node: entry points of their own, which nothing else in their package imports.
 * Globs from the root of the repository.
 */
export const impureFiles = ['packages/disk/src/file*.ts', 'packages/switch/src/forward/*.ts']

/** Names of the pure packages, ground floor first. */
export const purePackages = floors
  .filter(({ floor }) => floor <= HIGHEST_PURE_FLOOR)
  .flatMap(({ packages }) => packages)

/**
 * What modules hold though others share it, and why that is no harm: `folder/path: name`. Nothing belongs here but caches of
 * pure functions, and zeros that are only read.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const moduleState = {
  'disk/src/file-store.ts: ZEROS': 'only read',
  'disk/src/store.ts: ZEROS': 'only read',
}
