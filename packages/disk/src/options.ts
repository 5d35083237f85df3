import {
  anything,
  bytes,
  callable,
  checkOptions,
  either,
  flag,
  instance,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  type Given,
  type Shape,
} from '@vmbus/world'
import type { BlockDevice } from './block.ts'

/** What a number or a text may be is for the function that uses it to say. */
type Names = Readonly<Record<string, Shape<unknown>>>

const size = optional(either(number(), text))
const device = optional(instance<BlockDevice>())
const source = optional(either(callable(), instance()))
const identity = optional(bytes(16))
const paths = optional(
  object<Given<Record<'relative' | 'absolute', string>>>({ relative: optional(text), absolute: optional(text) }),
)
const callback = optional(callable())

const RAW = {
  sectorSize: optional(number()),
  physicalSectorSize: optional(number()),
  readOnly: optional(flag),
  identity,
  linkage: identity,
}
const OPEN = { readOnly: optional(flag), parent: source }
const CREATE = {
  size,
  blockSize: optional(number()),
  parent: device,
  parentPaths: paths,
  identity,
  newIdentity: callback,
}
const FORMAT = { format: optional(oneOf('raw', 'vhd', 'vhdx')) }
const FILE = { punch: callback, locks: callback }
const FOLDERS = { parentFolders: optional(list(text)) }

/** The names of each function's options. */
const FUNCTIONS = {
  rawDisk: RAW,
  memoryDisk: { ...RAW, limit: optional(number(0)) },
  memoryStore: { size: optional(number(0)), contents: optional(instance()), limit: optional(number(0)) },
  openVhd: OPEN,
  openVhdx: { ...OPEN, newIdentity: callback },
  openImage: { ...OPEN, ...FORMAT, newIdentity: callback },
  createVhd: {
    ...CREATE,
    type: optional(oneOf('fixed', 'dynamic', 'differencing')),
    parentName: optional(text),
    timestamp: optional(number(0, 0xffff_ffff)),
    creator: optional(text),
  },
  createVhdx: {
    ...CREATE,
    type: optional(oneOf('fixed', 'dynamic', 'differencing')),
    sectorSize: optional(number()),
    physicalSectorSize: optional(number()),
    logSize: optional(number()),
  },
  queued: {
    seed: instance(),
    name: optional(text),
    minDelay: optional(number(0, Number.MAX_SAFE_INTEGER)),
    maxDelay: optional(number(0, Number.MAX_SAFE_INTEGER)),
    depth: optional(number(1)),
  },
  faultInjectingDisk: {
    operation: optional(oneOf('read', 'write', 'flush', 'discard', 'zero')),
    sector: optional(number(0)),
    count: optional(number(1)),
    status: oneOf('out-of-range', 'read-only', 'medium-error', 'no-space'),
    times: optional(number(0)),
  },
  merge: { bytes: number(0) },
  fileStore: { ...FILE, readOnly: optional(flag), create: optional(flag) },
  openDisk: { ...FILE, ...FORMAT, ...FOLDERS, ...OPEN, raw: optional(object(RAW)) },
  openCheckpoints: { ...FILE, ...FORMAT, ...FOLDERS, raw: optional(object(RAW)) },
  createDisk: { ...FILE, ...FOLDERS, path: text, parentPath: optional(text), format: oneOf('raw', 'vhd', 'vhdx') },
} satisfies Record<string, Names>

/** Throws OptionsError (VMBUS_OPTIONS_INVALID) for a name that the function does not have, or a value of another kind. */
export function checkFor(name: keyof typeof FUNCTIONS, options: object): void {
  const names: Names = FUNCTIONS[name]
  checkOptions(name, object<Record<string, unknown>>(names), options)
}

/** As `checkFor`, where the names that are left are those of another function, which checks them. */
export function checkSome(name: keyof typeof FUNCTIONS, options: Readonly<Record<string, unknown>>): void {
  const names: Names = FUNCTIONS[name]
  const others = Object.keys(options).filter((key) => !(key in names))
  checkOptions(
    name,
    object<Record<string, unknown>>({ ...names, ...Object.fromEntries(others.map((key) => [key, anything])) }),
    options,
  )
}
