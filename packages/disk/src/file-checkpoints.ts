import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { BlockDevice } from './block.ts'
import { checkpoints, type CheckpointDisk, type CheckpointImages } from './checkpoints.ts'
import { openDisk, pathsTo, randomIdentity, type OpenDiskOptions } from './file-disk.ts'
import { fileStore } from './file-store.ts'
import { createVhdx } from './vhdx/create.ts'

export interface FileCheckpointDisk extends CheckpointDisk {
  /** The image below: the checkpoint while there is one. Others may open it to read then. */
  readonly path: string
  /** The differencing image while there is a checkpoint. */
  readonly childPath: string
}

/** Names in a folder are on the medium when its file is flushed; Windows has no such call and needs none. */
function flushFolder(path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/**
 * An image file of any format with checkpoints: a differencing VHDX beside it, `disk.avhdx` for `disk.vhdx`, as Hyper-V
 * names them. One that is there already, because a run ended with it, is gone on with. Throws what `openDisk` does.
 */
export function openCheckpoints(
  path: string,
  options: Omit<OpenDiskOptions, 'readOnly' | 'parent'> = {},
): FileCheckpointDisk {
  const childPath = join(dirname(path), `${basename(path, extname(path))}.avhdx`)
  let open: BlockDevice | undefined

  const images: CheckpointImages = {
    below(access) {
      open?.close()
      return (open = openDisk(path, { ...options, readOnly: access === 'read' }))
    },
    create(parent) {
      // Under another name until it is whole: what has the child's name always counts.
      const unfinished = `${childPath}.new`
      rmSync(unfinished, { force: true })
      const store = fileStore(unfinished, { create: true })
      try {
        const { identity } = parent
        const parentPaths = pathsTo(childPath, path)
        createVhdx(store, { parent, parentPaths, identity, newIdentity: randomIdentity }).close()
      } catch (error) {
        rmSync(unfinished, { force: true })
        throw error
      } finally {
        store.close()
      }
      renameSync(unfinished, childPath)
      flushFolder(childPath)
      return openDisk(childPath, { parent, format: 'vhdx' })
    },
    attach: (parent) => (existsSync(childPath) ? openDisk(childPath, { parent, format: 'vhdx' }) : undefined),
    remove(child) {
      rmSync(childPath)
      flushFolder(childPath)
      child.close()
    },
  }
  try {
    return Object.assign(checkpoints(images), { path, childPath })
  } catch (error) {
    open?.close()
    throw error
  }
}
