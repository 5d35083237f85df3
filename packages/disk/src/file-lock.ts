import { randomUUID } from 'node:crypto'
import {
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { lockedError, type StoreLock } from './store.ts'

const WRITER = 'writer'

/** When a process started, in its system's own units, so that a later one with the same number is told apart; else "". */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Field 22 of proc(5); the second, in parentheses, may contain anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}

const me = (): string => `${process.pid} ${startOf(process.pid)}`

function isAlive(owner: string): boolean {
  const [number, start = ''] = owner.split(' ')
  const pid = Number(number)
  try {
    process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return start === '' || startOf(pid) === start
}

function ownerOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return undefined
  }
}

/** Takes a dead owner's file away, unless somebody else has just done so and put his own there. */
function bury(file: string, owner: string): void {
  const grave = `${file}.dead-${randomUUID()}`
  try {
    renameSync(file, grave)
    if (ownerOf(grave) !== owner) linkSync(grave, file)
    unlinkSync(grave)
  } catch {
    // Another process buries the same owner.
  }
}

/**
 * Many readers or one writer, among all processes of a machine: a directory `<image>.lock` with one file per holder,
 * which holds its process number and start. Everybody first puts his own file there and then looks for others, so two
 * who come at once may both be refused but never both succeed. What a killed process left is taken away.
 */
export function fileLock(path: string): StoreLock {
  const directory = `${path}.lock`

  const holders = (except: string): string[] => {
    const alive: string[] = []
    for (const name of readdirSync(directory)) {
      if (name === except || name.includes('.dead-')) continue
      const owner = ownerOf(join(directory, name))
      if (owner === undefined) continue
      if (owner === '' || isAlive(owner))
        alive.push(`${name === WRITER ? 'written' : 'read'} by process ${owner.split(' ')[0]}`)
      else bury(join(directory, name), owner)
    }
    return alive
  }

  const take = (mode: 'read' | 'write', name: string): void => {
    for (let attempt = 0; ; attempt++) {
      mkdirSync(directory, { recursive: true })
      try {
        writeFileSync(join(directory, name), me(), { flag: 'wx' })
        return
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined
        const held = code === 'EEXIST' ? holders('') : []
        if (held.length > 0 || attempt === 3)
          throw code === 'EEXIST' ? lockedError(mode, `it is ${held.join(', ') || 'being opened by others'}`) : error
      }
    }
  }

  return {
    acquire(mode) {
      const name = mode === 'write' ? WRITER : `reader-${randomUUID()}`
      take(mode, name)
      let held = true
      const release = (): void => {
        if (!held) return
        held = false
        unlinkSync(join(directory, name))
        try {
          rmdirSync(directory)
        } catch {
          // Others hold it still.
        }
      }
      const others = holders(name).filter((holder) => mode === 'write' || holder.startsWith('written'))
      if (others.length > 0) {
        release()
        throw lockedError(mode, `it is ${others.join(', ')}`)
      }
      return release
    },
    describe() {
      try {
        return holders('').join(', ') || 'free'
      } catch {
        return 'free'
      }
    },
  }
}
