import type { GuestClock, SystemService } from '@vmbus/core'
import { integer, restoreState, stateForm, textLike } from '@vmbus/world'
import { RegistryType, type WindowsRegistry } from '../system/registry.ts'

const PROVIDER = 'SYSTEM\\CurrentControlSet\\Services\\W32Time\\TimeProviders\\VMICTimeProvider'
const ENABLED = 'Enabled'

/** W32Time, as far as the host's time goes. */
export interface WindowsTime {
  /** Its provider of the host's time is on: `Enabled` of VMICTimeProvider in the registry. */
  readonly provider: boolean
  /** Samples of the host that it took. */
  readonly samples: number
  /** How far the clock was off at the last of them, 100 ns: positive, behind the host. */
  readonly lastOffset: bigint
}

export interface TimeService extends WindowsTime, GuestClock, SystemService {}

interface Saved {
  readonly samples: number
  readonly lastOffset: string
}
const FORM = stateForm<Saved>('windows-time', 1, {
  samples: integer(),
  lastOffset: textLike(/^-?\d{1,20}$/, 'a decimal number'),
})

/**
 * vmictimesync sets the clock on a sync, as after a resume, and gives samples to W32Time, which takes them while its
 * provider is on (Microsoft's virtualization blog, November 2010). How W32Time slews is not modelled.
 */
export function timeService(clock: GuestClock, registry: WindowsRegistry): TimeService {
  registry.set(PROVIDER, { name: ENABLED, type: RegistryType.dword, data: '1' })
  let [samples, lastOffset] = [0, 0n]
  const isOn = (): boolean => (registry.value(PROVIDER, ENABLED)?.data ?? '0') !== '0'
  return {
    get provider() {
      return isOn()
    },
    get samples() {
      return samples
    },
    get lastOffset() {
      return lastOffset
    },
    now: () => clock.now(),
    set: (fileTime) => clock.set(fileTime),
    discipline(fileTime) {
      if (!isOn()) return
      samples++
      lastOffset = fileTime - clock.now()
      clock.discipline?.(fileTime)
    },
    save: () => ({ ...FORM.head, samples, lastOffset: lastOffset.toString() }),
    restore(state) {
      const saved = restoreState(state, FORM)
      samples = saved.samples
      lastOffset = BigInt(saved.lastOffset)
    },
  }
}
