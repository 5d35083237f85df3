import type { IcVersions } from '@vmbus/ic'
import { following, type worlds } from '@vmbus/ic/testing'
import { INTERRUPT_MODES, type DeviceWorld } from '@vmbus/testbench'
import {
  vss,
  type BackupResult,
  type VssGuest,
  type VssGuestOptions,
  type VssHost,
  type VssHostOptions,
} from '@vmbus/vss'

/** Every interrupt mode with every way to save. */
export const MODES = INTERRUPT_MODES.flatMap((interrupts) =>
  (['never', 'each step'] as const).map((save) => [interrupts, save] as const),
)

export interface Disk {
  frozen: boolean
  log: string[]
}

/** File systems that do at once what they are told, or when `guest.done` says so. */
export const target = (
  disk: Disk,
  later: readonly ('freeze' | 'thaw')[] = [],
  works = true,
): VssGuestOptions['target'] => ({
  freeze() {
    disk.log.push('freeze')
    if (later.includes('freeze')) return undefined
    disk.frozen = works
    return works
  },
  thaw() {
    disk.log.push('thaw')
    if (later.includes('thaw')) return undefined
    disk.frozen = false
    return true
  },
})

export interface Pair {
  readonly made: DeviceWorld<VssHost>
  readonly host: VssHost
  readonly guest: VssGuest
  readonly disk: Disk
  results(): BackupResult[]
}

export const pairs =
  (world: ReturnType<typeof worlds>) =>
  (
    guest: Partial<VssGuestOptions> & { later?: readonly ('freeze' | 'thaw')[]; works?: boolean } = {},
    host: VssHostOptions = {},
    settings?: IcVersions,
  ): Pair => {
    const disk: Disk = { frozen: false, log: [] }
    const { later, works, ...options } = guest
    const spec = vss.driver({ target: target(disk, later, works), ...options })
    let driver: VssGuest | undefined
    const snapshot = host.snapshot ?? (() => disk.log.push('snapshot') > 0)
    const made = world(
      vss({ ...host, snapshot }),
      { ...spec, create: (deps) => (driver = spec.create(deps)) },
      settings,
    )
    made.run(1)
    return {
      made,
      host: following(() => made.handle.device),
      guest: following(() => driver as unknown as VssGuest),
      disk,
      results: () => made.heard('backup') as BackupResult[],
    }
  }
