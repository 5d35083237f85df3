import {
  anything,
  callable,
  checkOptions,
  dictionary,
  either,
  flag,
  instance,
  integer,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  u32,
  u64,
  type Fields,
  type Shape,
} from '@vmbus/world'
import type { BootOptions, HostReference } from './boot-types.ts'
import { LONGEST_SLICE, type Jitter, type MachineOptions } from './emulator/machine-types.ts'
import type { Emulator } from './emulator/emulator-types.ts'
import type { GuestFile } from './guest/initrd.ts'
import type { HostFactory } from './host.ts'
import type { ReleaseName } from './image/apt.ts'
import type { Flavour } from './image/packages.ts'
import type { ImageOptions, ImageSource, PreparedImage } from './image/image-types.ts'
import type { GuestThreads } from './worker/threads.ts'
import type { Condition, MachineSettings, SessionOptions, SessionSnapshot } from './session-types.ts'

export { checkOptions }

/** A clock counts 100 ns in a double, exactly for 28 years. */
const seconds: Shape<number> = number(0, 28 * 365 * 86_400)
const nanoseconds: Shape<number> = integer(0, 1e9)

const machine = {
  memoryMB: optional(integer(32, 1024)),
  seed: optional(u32),
  jit: optional(flag),
  epoch: optional(u64),
  instructionNs: optional(number(1, 10_000)),
  jitter: optional(
    object<Partial<Jitter>>({
      stealNs: optional(nanoseconds),
      interruptNs: optional(nanoseconds),
      sliceInstructions: optional(integer(0, LONGEST_SLICE - 1)),
    }),
  ),
}

export const MACHINE_OPTIONS: Shape<MachineOptions> = object<MachineOptions>({
  ...machine,
  emulator: instance<Emulator>(),
  diagnose: optional(callable()),
  serial: optional(callable()),
})

const settings: Fields<MachineSettings> = { ...machine, cmdline: optional(text), hangSeconds: optional(seconds) }

const prepared: Shape<PreparedImage> = object<PreparedImage>({
  name: text,
  bzImage: instance<Uint8Array>(),
  initrd: instance<Uint8Array>(),
  modules: list(text),
  needs: optional(dictionary(list(text))),
  agent: flag,
  files: optional(list(text)),
  digest: text,
})

export const SESSION_OPTIONS: Shape<SessionOptions> = object<SessionOptions>({
  ...settings,
  emulator: instance<Emulator>(),
  image: prepared,
  host: optional(callable<HostFactory>()),
  hostOptions: anything,
  from: optional(instance<SessionSnapshot>()),
  onConsole: optional(callable()),
  onEvent: optional(callable()),
})

const release: Shape<ReleaseName> = oneOf('debian-11', 'debian-12')

/** Told apart by the name that only one of them has, so that an error is about what was meant. */
export const IMAGE_SOURCE: Shape<ImageSource> = (value, at) => {
  if (typeof value === 'object' && value !== null && 'kernel' in value)
    return object<Extract<ImageSource, { kernel: string }>>({ kernel: text, initrd: text })(value, at)
  if (typeof value === 'object' && value !== null && 'deb' in value)
    return object<Extract<ImageSource, { deb: string }>>({ deb: text, userland: optional(release) })(value, at)
  const flavour: Shape<Flavour> = oneOf('686', '686-pae', 'rt-686-pae')
  return object<Extract<ImageSource, { release: ReleaseName }>>({ release, flavour: optional(flavour) })(value, at)
}

const image: Fields<ImageOptions> = {
  modules: optional(list(text)),
  packages: optional(list(text)),
  files: optional(
    dictionary(
      object<GuestFile>({ contents: either(text, instance<Uint8Array>()), mode: optional(integer(0, 0o7777)) }),
    ),
  ),
  cacheFolder: optional(text),
  signal: optional(instance<AbortSignal>()),
  onProgress: optional(callable()),
}
export const IMAGE_OPTIONS: Shape<ImageOptions> = object<ImageOptions>(image)

export const BOOT_OPTIONS: Shape<BootOptions> = object<BootOptions>({
  ...settings,
  ...image,
  image: (value, at) =>
    typeof value === 'object' && value !== null && 'digest' in value ? prepared(value, at) : IMAGE_SOURCE(value, at),
  host: optional(
    object<HostReference>({
      module: either(instance<URL>(), text),
      export: optional(text),
      options: anything,
      snapshotKey: optional(text),
    }),
  ),
  snapshots: optional(flag),
  from: optional(instance<SessionSnapshot>()),
  loadModules: optional(flag),
  bootSeconds: optional(seconds),
  threads: optional(instance<GuestThreads>()),
  onConsole: optional(callable()),
  onEvent: optional(callable()),
})

export const SCRIPT = text
const milestone = oneOf('kernel', 'hypervisor', 'userspace', 'agent', 'vmbus')
export const CONDITION: Shape<Condition> = (value, at) => {
  if (value instanceof RegExp) return value
  if (typeof value === 'string' && value.startsWith('event:')) return value as `event:${string}`
  return milestone(value, at)
}
export const WAIT_OPTIONS = object<{ readonly seconds?: number }>({ seconds: optional(seconds) })
export const UNTIL_OPTIONS = object<{ readonly seconds?: number; readonly after?: number }>({
  seconds: optional(seconds),
  after: optional(integer()),
})
export const SECONDS = seconds
