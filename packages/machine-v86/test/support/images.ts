import {
  MachineError,
  prepareImage,
  type Flavour,
  type ImageOptions,
  type PreparedImage,
  type ReleaseName,
} from '../../src/index.ts'

/** Skips the running test, visibly. */
interface Context {
  skip(note: string): never
}

/** The image, or a test that says why it did not run: no image can be had here. Any other trouble is a failure. */
export async function imageOr(
  context: Context,
  release: ReleaseName,
  flavour: Flavour,
  options: ImageOptions,
): Promise<PreparedImage> {
  try {
    return await prepareImage({ release, flavour }, options)
  } catch (error) {
    if (error instanceof MachineError && error.code === 'VMBUS_IMAGE_UNAVAILABLE') {
      process.stderr.write(`live guests: not run (${error.message})\n`)
      context.skip(`live guests: not run (${error.message})`)
    }
    throw error
  }
}
