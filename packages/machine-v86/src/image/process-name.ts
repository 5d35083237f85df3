import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/** A file that its owner has not renewed for so long is nobody's, where the owner itself cannot be seen. */
const STALE_MS = 60_000

/**
 * Part of the name of every file that lasts no longer than the process which made it: where that process runs, its number
 * and its start. It stands in the name and not in the file, so that no killed writer and no full disk leaves a file of
 * nobody, and so that removing the file of a dead process can never remove that of the next.
 */
export function ownedName(): string {
  return `${place()}.${process.pid}.${startOf(process.pid) ?? ''}.${randomUUID()}`
}

/** The process number in a name that `ownedName` gave. */
export function ownerOf(name: string): { readonly pid: number; readonly isHere: boolean } {
  const [where, pid] = name.split('.')
  return { pid: Number(pid), isHere: where === place() }
}

/**
 * Whether the owner in the name is gone. Of a process on another machine, in another container, or on a system without
 * /proc, only `ageMs` tells: the time since the file was written or renewed.
 */
export function isOrphan(name: string, ageMs: number): boolean {
  const { pid, isHere } = ownerOf(name)
  if (!isHere) return ageMs > STALE_MS
  if (!exists(pid)) return true
  const [, , start = ''] = name.split('.')
  const now = startOf(pid)
  return now === undefined || start === '' ? ageMs > STALE_MS : now !== start
}

/** This boot of this machine and this process namespace: only here do process numbers mean the same. */
function place(): string {
  const parts = [hostname()]
  try {
    parts.push(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'), readlinkSync('/proc/self/ns/pid'))
  } catch {
    // No Linux: the machine's name alone.
  }
  return createHash('sha256').update(parts.join(' ')).digest('hex').slice(0, 8)
}

/** Field 22 of /proc/PID/stat, in clock ticks since the boot (proc(5)); undefined where it cannot be read. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field, in parentheses, may contain anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? 'dead' : fields[19]
  } catch {
    return undefined
  }
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
