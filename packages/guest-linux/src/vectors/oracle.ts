import type { Known, Release } from './release.ts'
import { RHEL } from './rhel.ts'

const UNREAD_REBUILD = 'Oracle rebuilds the kernel of that release; its own tree was not read'
const FIRST = 'rhel 6.4'
const LAST = 'rhel 9.6'
const place = (name: string): number => RHEL.findIndex(({ release }) => release === name)

/** The Red Hat compatible kernel. */
export const ORACLE_RHCK: readonly Release[] = RHEL.slice(place(FIRST), place(LAST) + 1).map(
  ({ release, ...each }) => ({
    ...each,
    release: `${release.replace('rhel', 'oracle')} rhck`,
    known: { likely: `as ${release}: ${UNREAD_REBUILD}` },
  }),
)

/** linux-uek could not be had whole, so nothing of it was read. */
const byNumber = (base: string): Known => ({
  likely: `as Linux ${base}, which it is built upon; its tree was not read`,
})

/** The Unbreakable Enterprise Kernel. Builds of R3's quarterly updates are not certain. */
export const ORACLE_UEK: readonly Release[] = [
  { release: 'oracle uek3', kernel: '3.8.13-el6uek', base: '3.8', until: '3.11', known: byNumber('3.8') },
  { release: 'oracle uek3 qu1', kernel: '3.8.13-26.el6uek', until: '3.13', known: byNumber('3.8') },
  { release: 'oracle uek3 qu2', kernel: '3.8.13-35.el6uek', until: '3.14', known: byNumber('3.8') },
  { release: 'oracle uek3 qu3', kernel: '3.8.13-44.el6uek', until: '3.16', known: byNumber('3.8') },
  { release: 'oracle uek4', kernel: '4.1.12-el7uek', base: '4.1', until: '4.4', known: byNumber('4.1') },
  { release: 'oracle uek5', kernel: '4.14.35-el7uek', base: '4.14', until: '4.17', known: byNumber('4.14') },
  { release: 'oracle uek6', kernel: '5.4.17-el8uek', base: '5.4', until: '5.6', known: byNumber('5.4') },
  { release: 'oracle uek7', kernel: '5.15.0-el9uek', base: '5.15', until: '5.18', known: byNumber('5.15') },
]
