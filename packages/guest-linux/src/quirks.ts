import { atLeast, kernelVersion, type KernelVersion } from './kernel-version.ts'

/** A wire-visible defect of the real driver, which a correct one would not have. */
export interface Quirk {
  readonly id: QuirkId
  readonly summary: string
  /** File and function of the kernel source. */
  readonly source: string
  /** First kernel version that has it; absent: every version that was read. */
  readonly since?: string
}

export type QuirkId = 'ignores-connection-state' | 'one-packet-per-signal' | 'timesync-always-ok'

export const QUIRKS: readonly Quirk[] = [
  {
    id: 'ignores-connection-state',
    summary:
      'takes a VERSION_RESPONSE for a success by its version_supported alone, whatever its connection_state says',
    source: 'drivers/hv/connection.c, vmbus_negotiate_version',
  },
  {
    id: 'one-packet-per-signal',
    summary: 'the shutdown component takes one packet for each signal, so a second one waits for the next signal',
    source: 'drivers/hv/hv_util.c, shutdown_onchannelcallback',
  },
  {
    id: 'timesync-always-ok',
    summary: 'answers every time message with the status that the host sent, a stale sample that it refuses included',
    source: 'drivers/hv/hv_util.c, timesync_onchannelcallback',
    since: '4.9',
  },
]

/** The quirks of a kernel version, by id. */
export const quirksOf = (kernel: KernelVersion): ReadonlySet<QuirkId> =>
  new Set(
    QUIRKS.filter(({ since }) => since === undefined || atLeast(kernel, kernelVersion(since))).map(({ id }) => id),
  )
