import { memoryDisk, type BlockDevice } from '@vmbus/disk'
import type { LinuxDisk, LinuxSurface } from '@vmbus/guest-linux'
import type { WorldGuest } from '@vmbus/simulation'
import { byExchange, type Normalised } from '@vmbus/trace'

const GPA_DIRECT = 9
/** Length and offset of a range, behind the packet's descriptor and its count of ranges. */
const RANGE_BYTES = 24
const RANGE_OFFSET = 28
/** The CDB in the payload: behind the packet's header, in its request. */
const CDB = 28
const [READ_10, WRITE_10, UNMAP, REPORT_LUNS, INQUIRY] = [0x28, 0x2a, 0x42, 0xa0, 0x12]
const WHOLE_PAGES = [READ_10, WRITE_10, UNMAP, REPORT_LUNS]
/** drivers/scsi/scsi.c, scsi_get_vpd_size: a page's header, and a list of 32 pages. */
const ON_STACK = [4, 36]

/** The kernel got this buffer from its slab allocator: it is no page of its own, not copied and not on the stack. */
function isSlab(cdb: Uint8Array, bytes: number): boolean {
  const [opcode = 0, flags = 0] = cdb
  const isPage = opcode === INQUIRY && flags === 1
  return !WHOLE_PAGES.includes(opcode) && bytes % 4 === 0 && !(isPage && ON_STACK.includes(bytes))
}

/** Where the real kernel's allocator put each buffer in its page: an input of the exchange, like the CDB. */
export function slabOf({ channels }: Normalised): (before: number) => number {
  const offsets = Object.values(channels)
    .flat()
    .flatMap(({ to, bytes }) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      if (to !== 'host' || view.getUint16(0, true) !== GPA_DIRECT) return []
      const cdb = bytes.subarray(view.getUint16(2, true) * 8 + CDB)
      return isSlab(cdb, view.getUint32(RANGE_BYTES, true)) ? [view.getUint32(RANGE_OFFSET, true)] : []
    })
  return (before) => offsets[before] ?? 0
}

const EXECUTE_SRB = 3

/** A transcript with the first exchange of each command, and all that is no command; renamed as a transcript is. */
export function oneOfEachCommand({ control, channels }: Normalised): Normalised {
  const entries = Object.entries(channels).map(([name, lines]) => {
    const seen = new Set<number>()
    const kept = new Set<bigint>()
    const left = lines.filter(({ to, bytes }) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      const payload = view.getUint16(2, true) * 8
      const id = view.getBigUint64(8, true)
      if (to === 'guest') return kept.delete(id)
      const opcode = view.getUint32(payload, true) === EXECUTE_SRB ? (bytes[payload + CDB] ?? 0) : -1
      const isNew = opcode < 0 || !seen.has(opcode)
      seen.add(opcode)
      if (isNew) kept.add(id)
      return isNew
    })
    return [name, left] as const
  })
  return byExchange({ control, channels: Object.fromEntries(entries) })
}

/** An empty disk with the identity that matrix/src/real/storvsc.ts gives the disk of a LUN. */
export const emptyDisk = (size: string, lun: number): BlockDevice =>
  memoryDisk(size, { identity: Uint8Array.of(...Array.from({ length: 15 }, () => 0x5a), lun) })

/** Waits for the end of a request, which has to be a good one. */
export async function ended(guest: WorldGuest<LinuxSurface>, disk: LinuxDisk, id: number): Promise<void> {
  for (;;) {
    const result = disk.take(id)
    if (result === undefined) await guest.until('driver:io')
    else if (result.outcome === 'good') return
    else throw new Error(`request ${id}: ${result.outcome}`)
  }
}

export function diskOf({ surface }: WorldGuest<LinuxSurface>, name: string): LinuxDisk {
  const disk = surface.disk(name)
  if (disk === undefined) throw new Error(`no ${name}`)
  return disk
}
