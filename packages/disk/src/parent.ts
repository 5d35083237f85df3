import type { BlockDevice } from './block.ts'
import { DiskError } from './errors.ts'
import { equalBytes } from './identity.ts'
import type { ParentPaths } from './vhd/locator.ts'

/** How a differencing image names its parent. */
export interface ParentReference extends ParentPaths {
  /** Values of the parent's `linkage` that fit, 16 bytes each. */
  readonly linkages: readonly Uint8Array[]
  /** The parent's file name, where the format has one. */
  readonly name?: string
}

/** The parent itself, which stays open; or a function that opens it by what the image says, closed with the child. */
export type ParentSource = BlockDevice | ((reference: ParentReference) => BlockDevice)

/** The parent of an image, checked to be the one that the image was made from. */
export function resolveParent(
  source: ParentSource | undefined,
  reference: ParentReference,
  sectorSize: number,
): { parent: BlockDevice; release: () => void } {
  if (source === undefined) {
    throw new DiskError('VMBUS_DISK_PARENT', 'a differencing image needs the option "parent"', {
      ...pathsOf(reference),
    })
  }
  const opened = typeof source === 'function'
  const parent = opened ? source(reference) : source
  const release = (): void => {
    if (opened) parent.close()
  }
  const { linkage } = parent
  if (linkage !== undefined && !reference.linkages.some((expected) => equalBytes(expected, linkage))) {
    release()
    throw new DiskError(
      'VMBUS_DISK_PARENT',
      'the parent is not the one that this image was made from, or was changed since',
      { ...pathsOf(reference) },
    )
  }
  if (parent.sectorSize !== sectorSize) {
    release()
    throw new DiskError(
      'VMBUS_DISK_PARENT',
      `the parent has sectors of ${parent.sectorSize} bytes, the image of ${sectorSize}`,
    )
  }
  return { parent, release }
}

function pathsOf({ relative, absolute, name }: ParentReference): Record<string, string> {
  return {
    ...(relative === undefined ? {} : { relative }),
    ...(absolute === undefined ? {} : { absolute }),
    ...(name === undefined ? {} : { name }),
  }
}
