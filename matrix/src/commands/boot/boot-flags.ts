import type { ImageSource, ReleaseName } from '@vmbus/machine-v86'
import type { HostProfile } from '@vmbus/host'
import { duration, oneOf, profileOf, seedOf } from '../arguments.ts'
import { UsageError } from '../failure.ts'
import { deviceKinds } from './guest-setup.ts'
import { outputFile, type OutputFile } from '../output-file.ts'
import { readScript, type Line } from './script.ts'

/** The options of `vmbus boot` as commander reads them. */
export interface BootFlags {
  readonly release?: string
  readonly deb?: string
  readonly kernel?: string
  readonly initrd?: string
  readonly flavour?: string
  readonly host: string
  readonly seed: string
  readonly for?: string
  readonly trace?: string
  readonly json?: string
  readonly quiet?: boolean
  readonly devices?: string
  readonly script?: string
  readonly interactive?: boolean
}

/** What is to be run, with every flag looked at. */
export interface BootPlan {
  readonly profile: HostProfile
  readonly seed: number
  readonly image: ImageSource
  readonly kinds: readonly string[]
  /** Lets the guest run for so many seconds, or drives it by verbs. */
  readonly drive: { readonly seconds: number } | { readonly script: readonly Line[] } | 'interactive'
  readonly quiet: boolean
  readonly json?: OutputFile
  readonly trace?: OutputFile
}

const RELEASES = ['debian-11', 'debian-12'] as const satisfies readonly ReleaseName[]
const FLAVOURS = ['686', '686-pae', 'rt-686-pae'] as const

/** Guest time to run when nothing else is said. */
export const DEFAULT_DURATION = '60s'

function imageSource(flags: BootFlags): ImageSource {
  if (flags.initrd !== undefined && flags.kernel === undefined)
    throw new UsageError('--kernel and --initrd go together')
  const given = [flags.release, flags.deb, flags.kernel].filter((value) => value !== undefined)
  if (given.length !== 1) throw new UsageError('give one of --release, --deb, or --kernel with --initrd')
  if (flags.release !== undefined)
    return {
      release: oneOf('release', RELEASES, flags.release),
      flavour: oneOf('flavour', FLAVOURS, flags.flavour ?? '686'),
    }
  if (flags.flavour !== undefined) throw new UsageError('--flavour goes with --release')
  if (flags.deb !== undefined) return { deb: flags.deb }
  if (flags.kernel === undefined || flags.initrd === undefined)
    throw new UsageError('--kernel and --initrd go together')
  return { kernel: flags.kernel, initrd: flags.initrd }
}

/** Every flag, looked at before anything is booted; files that will be written are begun last. Throws UsageError. */
export async function bootPlan(flags: BootFlags): Promise<BootPlan> {
  const profile = profileOf(flags.host)
  const seed = seedOf(flags.seed)
  const seconds = duration(flags.for ?? DEFAULT_DURATION)
  const kinds = deviceKinds(flags.devices)
  const image = imageSource(flags)
  if ([flags.for, flags.script, flags.interactive].filter((value) => value !== undefined).length > 1)
    throw new UsageError('give one of --for, --script and --interactive')
  if (flags.json !== undefined && flags.json === flags.trace)
    throw new UsageError('--json and --trace name the same file')
  const script = flags.script === undefined ? undefined : await readScript(flags.script)
  const json = flags.json === undefined ? undefined : await outputFile(flags.json)
  try {
    const trace = flags.trace === undefined ? undefined : await outputFile(flags.trace)
    return {
      profile,
      seed,
      image,
      kinds,
      drive: script !== undefined ? { script } : flags.interactive === true ? 'interactive' : { seconds },
      quiet: flags.quiet === true,
      ...(json === undefined ? {} : { json }),
      ...(trace === undefined ? {} : { trace }),
    }
  } catch (error) {
    await json?.drop()
    throw error
  }
}
