import type { FreebsdServices } from '../src/index.ts'

/** A system that nobody looks at. */
export const services: FreebsdServices = {
  clock: { set: () => {}, now: () => 0n },
  act: () => {},
  part: (_name, make) => make(),
}
