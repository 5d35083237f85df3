import type { Known, Release } from './release.ts'

const NO_DRIVERS: Known = { likely: 'the release has no drivers of its own' }

/** Releases before the drivers came with them, which take a LIS package all the same. */
export const RHEL_WITHOUT: readonly Release[] = [
  {
    release: 'rhel 5.2',
    kernel: '2.6.18-92.el5',
    base: '3.2',
    until: '3.2',
    change: { memoryHotplug: false },
    known: NO_DRIVERS,
  },
  { release: 'rhel 5.3', kernel: '2.6.18-128.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 5.4', kernel: '2.6.18-164.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 5.5', kernel: '2.6.18-194.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 5.6', kernel: '2.6.18-238.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 5.7', kernel: '2.6.18-274.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 5.8', kernel: '2.6.18-308.el5', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 6.0', kernel: '2.6.32-71.el6', base: '3.2', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 6.1', kernel: '2.6.32-131.0.15.el6', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 6.2', kernel: '2.6.32-220.el6', until: '3.2', known: NO_DRIVERS },
  { release: 'rhel 6.3', kernel: '2.6.32-279.el6', until: '3.2', known: NO_DRIVERS },
]
