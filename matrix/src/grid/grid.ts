import { hostProfiles, type HostProfile } from '@vmbus/host'
import { measure, type Cell } from './cell.ts'
import { gridRows, type Row } from './guests.ts'

/** Every release on every host. */
export interface Grid {
  readonly seed: number
  readonly hosts: readonly HostProfile[]
  readonly rows: readonly { readonly row: Row; readonly cells: readonly Cell[] }[]
}

const notRun = (reason = ''): Cell => ({
  outcome: 'not-run',
  evidence: 'documented',
  reason,
  vmbus: null,
  components: { heartbeat: 'not-run', timesync: 'not-run', shutdown: 'not-run' },
})

/** Releases with the same kernel version are the same guest, and are measured once. */
export async function runGrid(
  seed: number,
  signal: AbortSignal,
  hosts: readonly HostProfile[] = hostProfiles,
): Promise<Grid> {
  const measured = new Map<string, Promise<Cell>>()
  const cellOf = async (row: Row, profile: HostProfile): Promise<Cell> => {
    const { generation } = row
    if (generation === undefined) return notRun(row.reason)
    const key = `${generation.name} ${profile.id}`
    const known = measured.get(key)
    if (known !== undefined) return known
    signal.throwIfAborted()
    const cell = measure(generation, profile, seed)
    measured.set(key, cell)
    return cell
  }
  const rows = []
  for (const row of gridRows()) {
    const cells = []
    for (const profile of hosts) cells.push(await cellOf(row, profile))
    rows.push({ row, cells })
  }
  return { seed, hosts, rows }
}
