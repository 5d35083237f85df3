import { randomUUID } from 'node:crypto'
import { closeSync, fstatSync, readdirSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { BlockDevice } from './block.ts'
import { checkpoints, type CheckpointDisk, type CheckpointImages } from './checkpoints.ts'
import { openDisk, pathsTo, randomIdentity, type OpenDiskOptions } from './file-disk.ts'
import { systemLock, type SystemLock } from './file-lock.ts'
import { fileStore } from './file-store.ts'
import { coded, exists, flushFolder, moveTo, openFile, realPath, removeFile } from './file-system.ts'
import { derivedIdentity } from './identity.ts'
import { checkFor } from './options.ts'
import { storeLock } from './store.ts'
import { createVhdx } from './vhdx/create.ts'

export interface FileCheckpointDisk extends CheckpointDisk {
  /** The image below: the checkpoint while there is one. Others may open it to read then. */
  readonly path: string
  /** The differencing image while there is a checkpoint. */
  readonly childPath: string
}

type FileCheckpointOptions = Omit<OpenDiskOptions, 'readOnly' | 'parent'>

/** The image below, locked from beginning to end: opening it anew to read or to write lets nobody in between. */
function hold(path: string, locks: OpenDiskOptions['locks']): { lock: SystemLock; number: bigint; close(): void } {
  const fd = openFile(path, 'write')
  try {
    const { ino: number } = coded('looking at', path, () => fstatSync(fd, { bigint: true }))
    const lock = locks === undefined ? systemLock(fd) : givenLock(locks, path)
    return {
      lock,
      number,
      close() {
        lock.release()
        closeSync(fd)
      },
    }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function givenLock(locks: NonNullable<OpenDiskOptions['locks']>, path: string): SystemLock {
  const lock = locks(path)
  let mode: 'read' | 'write' | undefined
  let release = (): void => {}
  return {
    set(next) {
      if (next === mode) return
      release()
      try {
        release = lock.acquire(next)
      } catch (error) {
        if (mode !== undefined) release = lock.acquire(mode)
        throw error
      }
      mode = next
    },
    release: () => release(),
  }
}

/** By which a child knows a raw image: it holds nothing of its own, so its number in the file system stands for it. */
function numberLinkage(number: bigint): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, number))
  return derivedIdentity(bytes, 'raw file', 0)
}

/** What creations of children that were interrupted left. No other runs: the caller holds the image below. */
function removeUnfinished(childPath: string): void {
  const folder = dirname(childPath)
  const unfinished = /^\.[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\.new$/
  const name = basename(childPath)
  for (const each of coded('reading', folder, () => readdirSync(folder)))
    if (each.startsWith(name) && unfinished.test(each.slice(name.length))) removeFile(join(folder, each))
}

/** No two images have one: what Hyper-V names so for its own format, and the whole name with another ending for others. */
function childOf(path: string): string {
  return extname(path) === '.vhdx' ? join(dirname(path), `${basename(path, '.vhdx')}.avhdx`) : `${path}.diff`
}

/**
 * An image file of any format with checkpoints: a differencing VHDX beside it, `disk.avhdx` for `disk.vhdx` and
 * `disk.img.diff` for `disk.img`. One that is there already, because a run ended with it, is gone on with, if it was made from
 * this image: where that is raw, from this very file or from one with the same `raw.identity`. Throws what `openDisk` does.
 */
export function openCheckpoints(path: string, options: FileCheckpointOptions = {}): FileCheckpointDisk {
  checkFor('openCheckpoints', options)
  const real = realPath(path)
  const childPath = childOf(real)
  const held = hold(real, options.locks)
  const linkage = options.raw?.identity ?? numberLinkage(held.number)
  const below: OpenDiskOptions = { ...options, raw: { ...options.raw, linkage }, locks: storeLock }
  const above = options.locks === undefined ? {} : { locks: options.locks }
  let open: BlockDevice | undefined
  let checkpoint = false

  const images: CheckpointImages = {
    below(wanted) {
      if (wanted === 'write') held.lock.set('write')
      open?.close()
      // While a checkpoint is made others stay out, so that there is a way back.
      if (wanted === 'read' && (open === undefined || checkpoint)) held.lock.set('read')
      return (open = openDisk(real, { ...below, readOnly: wanted === 'read' }))
    },
    create(parent) {
      removeUnfinished(childPath)
      // Under another name until it is whole: what has the child's name always counts.
      const unfinished = `${childPath}.${randomUUID()}.new`
      const store = fileStore(unfinished, { create: true, ...above })
      try {
        const { identity } = parent
        const parentPaths = pathsTo(childPath, real)
        createVhdx(store, { parent, parentPaths, identity, newIdentity: randomIdentity }).close()
        moveTo(unfinished, childPath)
      } catch (error) {
        removeFile(unfinished)
        throw error
      } finally {
        store.close()
      }
      flushFolder(childPath)
      const child = openDisk(childPath, { parent, format: 'vhdx', ...above })
      checkpoint = true
      held.lock.set('read')
      return child
    },
    attach(parent) {
      checkpoint = exists(childPath)
      return checkpoint ? openDisk(childPath, { parent, format: 'vhdx', ...above }) : undefined
    },
    remove(child) {
      removeFile(childPath)
      flushFolder(childPath)
      checkpoint = false
      child.close()
    },
  }
  try {
    const disk = checkpoints(images)
    const { close } = disk
    return Object.assign(disk, {
      path,
      childPath,
      close() {
        close()
        held.close()
      },
    })
  } catch (error) {
    open?.close()
    held.close()
    throw error
  }
}
