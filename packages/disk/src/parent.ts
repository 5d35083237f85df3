import type { BlockDevice } from './block.ts'
import { DiskError } from './errors.ts'
import { equalBytes } from './identity.ts'
import type { ParentPaths } from './vhd/locator.ts'

/** How a differencing image names its parent. */
export interface ParentReference extends ParentPaths {
  /** Values of the parent's `linkage` that fit, 16 bytes each. */
  readonly linkages: readonly Uint8Array[]
  /** A Windows path with the volume's GUID instead of a letter. */
  readonly volume?: string
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
  if (parent.linkage !== undefined && !isParent(parent, reference)) {
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

/** Whether the device has one of the identities that the image names. */
export function isParent({ linkage }: BlockDevice, { linkages }: ParentReference): boolean {
  return linkage !== undefined && linkages.some((expected) => equalBytes(expected, linkage))
}

function pathsOf({ relative, volume, absolute, name }: ParentReference): Record<string, string> {
  return {
    ...(relative === undefined ? {} : { relative }),
    ...(volume === undefined ? {} : { volume }),
    ...(absolute === undefined ? {} : { absolute }),
    ...(name === undefined ? {} : { name }),
  }
}
