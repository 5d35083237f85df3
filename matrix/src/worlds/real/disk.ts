import type { DiskResult, StageDisk } from '../../probes/stage.ts'
import type { Jobs } from './jobs.ts'
import { BYTES_OUT, bytesInto, bytesOf, type Shell } from './shell.ts'

const SECTOR = 512
const SIZES = [65_536, 4096, SECTOR]

/** Arguments of dd for a range. */
function range(offset: number, bytes: number, at: 'skip' | 'seek'): string {
  const size = SIZES.find((each) => offset % each === 0 && bytes % each === 0) ?? SECTOR
  return `bs=${size} ${at}=${offset / size} count=${bytes / size}`
}

const FACTS = ['size', 'queue/logical_block_size', 'queue/physical_block_size', 'ro', 'queue/discard_max_bytes']

const found = (output: string | undefined, data: Uint8Array = new Uint8Array(0)): DiskResult =>
  output === undefined ? { ok: false, outcome: 'failed', data: new Uint8Array(0) } : { ok: true, outcome: 'good', data }

/** Names of the SCSI disks, as the kernel found them. */
export const disksOf = (shell: Shell): readonly string[] =>
  shell.look('cd /sys/block; for d in sd*; do [ -e "$d" ] && echo "$d"; done; true').split('\n').filter(Boolean)

/** A disk of a real kernel: sysfs, dd and blkdiscard. What is read comes from the disk, and not from the page cache. */
export function realDisk(name: () => string, shell: Shell, jobs: Jobs): StageDisk {
  const fact = (index: number): number =>
    Number(
      shell.look(`cd /sys/block/${name()}; for f in ${FACTS.join(' ')}; do read x < $f; echo $x; done`).split('\n')[
        index
      ],
    )
  const device = (): string => `/dev/${name()}`
  return {
    get name() {
      return name()
    },
    get size() {
      return fact(0) * SECTOR
    },
    get sectorSize() {
      return fact(1)
    },
    get physicalSectorSize() {
      return fact(2)
    },
    get readOnly() {
      return fact(3) === 1
    },
    get canDiscard() {
      return fact(4) > 0
    },
    async read(offset, bytes) {
      const script = `blockdev --flushbufs ${device()}; dd if=${device()} ${range(offset, bytes, 'skip')} 2>/dev/null | ${BYTES_OUT}`
      const output = await jobs.begin(script)
      return found(output, output === undefined || output === '' ? undefined : bytesOf(output))
    },
    write: async (offset, data) =>
      found(
        await jobs.begin(
          `${bytesInto(data)} > /tmp/data && dd if=/tmp/data of=${device()} ${range(offset, data.length, 'seek')} conv=notrunc,fsync 2>&1`,
        ),
      ),
    // Only fsync of the device itself has the disk write its cache.
    flush: async () => found(await jobs.begin(`dd if=/dev/null of=${device()} conv=notrunc,fsync 2>/dev/null`)),
    discard: async (offset, bytes) => found(await jobs.begin(`blkdiscard -o ${offset} -l ${bytes} ${device()}`)),
  }
}
