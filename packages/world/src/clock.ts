/**
 * Two times of a partition.
 *
 * `now()` is the partition's reference time: 100 ns units since the partition was created, the unit of
 * HV_X64_MSR_TIME_REF_COUNT (TLFS, "Partition Reference Counter"). It is a safe integer for 28 years.
 * `fileTime()` is the host's wall clock: 100 ns units since 1601-01-01 UTC, which exceeds 2^53 and so is a bigint.
 */
export interface Clock {
  now(): number
  fileTime(): bigint
}

/** 100 ns units in a second. */
export const TICKS_PER_SECOND = 10_000_000

/** 100 ns units in a millisecond. */
export const TICKS_PER_MS = 10_000

/** FILETIME of 1970-01-01 UTC: the 369 years from 1601 in 100 ns units. */
export const UNIX_EPOCH_FILE_TIME = 116_444_736_000_000_000n

/** FILETIME of a Unix time in milliseconds. */
export function fileTimeOf(unixMs: number): bigint {
  return UNIX_EPOCH_FILE_TIME + BigInt(Math.trunc(unixMs)) * BigInt(TICKS_PER_MS)
}

/** Unix time in milliseconds (rounded down) of a FILETIME. */
export function unixMsOf(fileTime: bigint): number {
  return Number((fileTime - UNIX_EPOCH_FILE_TIME) / BigInt(TICKS_PER_MS))
}

/** A clock that moves only when told to: the deterministic version. */
export interface VirtualClock extends Clock {
  /** Moves reference time and wall clock forward to `time`. Going back is a RangeError. */
  advanceTo(time: number): void
  /** The wall clock's FILETIME at reference time 0; part of a world's configuration, so not saved. */
  readonly epoch: bigint
}

/** 2024-01-01T00:00:00Z, the wall clock of a deterministic world unless it says otherwise. */
export const DEFAULT_EPOCH: bigint = fileTimeOf(Date.UTC(2024, 0, 1))

export function virtualClock(options: { epoch?: bigint; now?: number } = {}): VirtualClock {
  const epoch = options.epoch ?? DEFAULT_EPOCH
  let now = options.now ?? 0
  return {
    epoch,
    now: () => now,
    fileTime: () => epoch + BigInt(now),
    advanceTo(time) {
      if (!(time >= now)) throw new RangeError(`clock cannot go back from ${now} to ${time}`)
      now = time
    },
  }
}
