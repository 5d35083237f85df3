import type { Outcome } from '@vmbus/report'
import type { OurEnd } from '../../probes/ends.ts'
import { modulePath } from '@vmbus/machine-v86'
import type { RealLife } from './life.ts'
import { quoted, type Shell } from './shell.ts'

/** Drivers by the ends that they serve. */
const DRIVERS: Readonly<Record<OurEnd, string>> = {
  heartbeat: 'hv_utils',
  timesync: 'hv_utils',
  shutdown: 'hv_utils',
  kvp: 'hv_utils',
  vss: 'hv_utils',
  fcopy: 'hv_utils',
  netvsc: 'hv_netvsc',
  storvsc: 'hv_storvsc',
  fc: 'hv_storvsc',
  balloon: 'hv_balloon',
}

/** Ends that a program of the guest serves. */
const DAEMONS: Partial<Record<OurEnd, string>> = {
  kvp: 'hv_kvp_daemon',
  vss: 'hv_vss_daemon',
  fcopy: 'hv_fcopy_daemon',
}

/** From the last module to agreed versions on every channel. */
const SETTLE_SECONDS = 5

/** A file system, in the second half of the disk, for a backup to freeze: the first half is the probe's. */
const FILE_SYSTEM = `until [ -e /sys/block/sda ]; do usleep 50000; done
printf 'n\\np\\n1\\n65536\\n\\nw\\n' | fdisk -u /dev/sda >/dev/null
until [ -e /dev/sda1 ]; do usleep 50000; done
mke2fs -q -t ext4 -b 1024 /dev/sda1 16384 && mount -t ext4 /dev/sda1 /mnt`

/** Loads the drivers of the bus and starts their daemons, as the release's own init would. */
export function comeUp(
  life: RealLife,
  ends: readonly OurEnd[],
  clockAhead: number,
  shell: Shell,
): Outcome | 'connected' {
  if (clockAhead > 0) shell.run(`date -s @$(($(date +%s) + ${clockAhead})) >/dev/null`)
  const drivers = [...new Set(ends.map((end) => DRIVERS[end]))]
  const load = (module: string): string => `insmod ${modulePath(module)}`
  // A driver that its host refuses leaves the others alone.
  shell.run(`${load('hv_vmbus')} && { ${drivers.map((driver) => `${load(driver)};`).join(' ')} true; } 2>&1`)
  if (life.own.host.bus.version === 0) return 'fails'
  const isBackup = ends.includes('vss') && ends.includes('storvsc') && life.storage.opened.size > 0
  if (isBackup && shell.run(FILE_SYSTEM) === undefined) return 'error'
  const daemons = ends.flatMap((end) => DAEMONS[end] ?? [])
  if (daemons.length > 0)
    shell.run(`${daemons.map((daemon) => `sh -c ${quoted(`${daemon} -n >/dev/null 2>&1 &`)}`).join('; ')}; true`)
  shell.pass(SETTLE_SECONDS)
  return 'connected'
}

/** Whether a write of the file system stands still. */
export const isFrozen = (shell: Shell): boolean =>
  shell.run(
    'rm -f /tmp/written; (date > /mnt/now; : > /tmp/written) >/dev/null 2>&1 & usleep 300000; [ ! -e /tmp/written ]',
  ) !== undefined
