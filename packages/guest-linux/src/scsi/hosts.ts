import type { SystemService } from '@vmbus/core'

/** What the SCSI hosts of one system share: numbers of hosts and names of disks are the lowest that are free. */
export interface ScsiHosts extends SystemService {
  /** The number of a new host, `hostN` (drivers/scsi/hosts.c, scsi_host_alloc). */
  addHost(instanceId: string): number
  removeHost(instanceId: string): void
  /** The name of a new disk (drivers/scsi/sd.c, sd_probe). */
  addDisk(): string
  removeDisk(name: string): void
}

interface State {
  readonly hosts: Readonly<Record<string, number>>
  readonly disks: readonly string[]
}

const LETTERS = 26

/** 0 is `sda`, 26 is `sdaa` (drivers/scsi/sd.c, sd_format_disk_name). */
function diskName(index: number): string {
  let letters = ''
  for (let rest = index; rest >= 0; rest = Math.floor(rest / LETTERS) - 1)
    letters = String.fromCodePoint(97 + (rest % LETTERS)) + letters
  return `sd${letters}`
}

function lowest<T>(taken: readonly T[], of: (index: number) => T): T {
  let index = 0
  while (taken.includes(of(index))) index++
  return of(index)
}

export function scsiHosts(): ScsiHosts {
  let state: State = { hosts: {}, disks: [] }
  return {
    addHost(instanceId) {
      const number = lowest(Object.values(state.hosts), (index) => index)
      state = { ...state, hosts: { ...state.hosts, [instanceId]: number } }
      return number
    },
    removeHost(instanceId) {
      const { [instanceId]: _, ...hosts } = state.hosts
      state = { ...state, hosts }
    },
    addDisk() {
      const name = lowest(state.disks, diskName)
      state = { ...state, disks: [...state.disks, name] }
      return name
    },
    removeDisk(name) {
      state = { ...state, disks: state.disks.filter((each) => each !== name) }
    },
    save: () => state,
    restore(saved) {
      state = saved as State
    },
  }
}
