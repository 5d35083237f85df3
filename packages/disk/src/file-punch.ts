import { execFileSync } from 'node:child_process'

/** Gives a range of a file back to its file system. True when that was done; the range reads as zeros then. */
export type PunchHoles = (path: string, offset: number, length: number) => boolean

/**
 * Punches holes with the `fallocate` program of util-linux, because Node has no such call. One process per discard, a
 * few milliseconds. False where the program or the file system cannot.
 */
export const fallocatePunch: PunchHoles = (path, offset, length) => {
  try {
    execFileSync('fallocate', ['--punch-hole', '--offset', String(offset), '--length', String(length), '--', path], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}
