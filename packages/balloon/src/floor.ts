/** MiB in 4 KiB pages. */
const MIB = 256

/**
 * Pages that a guest of `total` pages keeps for itself whatever the host asks. Linux drivers/hv/hv_balloon.c,
 * compute_balloon_floor: piecewise linear and continuous.
 */
export function balloonFloor(total: number): number {
  if (total < 128 * MIB) return 8 * MIB + (total >> 1)
  if (total < 512 * MIB) return 40 * MIB + (total >> 2)
  if (total < 2048 * MIB) return 104 * MIB + (total >> 3)
  if (total < 8192 * MIB) return 232 * MIB + (total >> 4)
  return 488 * MIB + (total >> 5)
}
