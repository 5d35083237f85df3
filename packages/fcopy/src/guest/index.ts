import type { GuestDriver, GuestDriverDeps } from '@vmbus/core'
import {
  At,
  HResult,
  IcType,
  framingOf,
  icGuest,
  icGuestFields,
  icGuestState,
  type IcGuestOptions,
  type IcGuestState,
  type IcRequest,
} from '@vmbus/ic'
import {
  checkOptions,
  flag,
  instance,
  integer,
  list,
  object,
  oneOf,
  optional,
  plainCopy,
  restoreState,
  stateForm,
  text,
  type Shape,
} from '@vmbus/world'
import { folderOf, targetPath, type Separator } from './paths.ts'
import {
  BLOCK_BYTES,
  CopyFlags,
  FCOPY_VERSIONS,
  FcopyOperation,
  fcopyData,
  fcopyHeader,
  fcopyStart,
} from '../protocol.ts'

/** The files of the guest's operating system, by full path. Statuses are HRESULTs, 0x80070070 for a full disk. */
export interface FileSystem {
  exists(path: string): boolean
  /** Makes the folder with those above it; true when it was there. */
  makeFolder(path: string): boolean
  /** Makes an empty file, or empties the one that is there. */
  create(path: string): number
  write(path: string, offset: number, bytes: Uint8Array): number
  /** Atomic: takes the place of a file that is there. */
  rename(from: string, to: string): number
  remove(path: string): void
}

/**
 * What Linux's daemon does that a correct guest does not (tools/hv/hv_fcopy_daemon.c). `in-place`: writes into the file
 * itself, so that what it replaces is lost at the start, and what it wrote stays when it is stopped. `trusts-names`: joins
 * path and name as they come. `trusts-offsets`: writes where it is told to, and takes a file with holes or of another size
 * for complete. `slashed-folders`: makes only those folders of the path that a slash follows.
 */
export type FcopyQuirk = 'in-place' | 'trusts-names' | 'trusts-offsets' | 'slashed-folders'

export interface FcopyGuestOptions extends Partial<IcGuestOptions> {
  readonly files: FileSystem
  /** Default `/`. */
  readonly separator?: Separator
  /** The daemon that writes the files runs from the start; default true. */
  readonly daemon?: boolean
  readonly quirks?: readonly FcopyQuirk[]
}

export const guestOptions: Shape<FcopyGuestOptions> = object<FcopyGuestOptions>({
  ...icGuestFields,
  files: instance<FileSystem>(),
  separator: optional(oneOf('/', '\\')),
  daemon: optional(flag),
  quirks: optional(list(oneOf('in-place', 'trusts-names', 'trusts-offsets', 'slashed-folders'))),
})

export interface FcopyGuest extends GuestDriver {
  /** The daemon comes or goes; without it every request is answered E_FAIL. */
  setDaemon(running: boolean): void
}

/** A copy under way. `received` bytes from the start are there. */
interface Copy {
  readonly target: string
  readonly partial: string
  readonly size: number
  received: number
}

interface State {
  daemon: boolean
  copy: Copy | undefined
}

const FORM = stateForm<State & { readonly ic: IcGuestState }>('fcopy-driver', 1, {
  ic: icGuestState,
  daemon: flag,
  copy: optional(object<Copy>({ target: text, partial: text, size: integer(), received: integer() })),
})

/** The name of the file that grows until COMPLETE; short, so that it fits wherever the target's does. */
const PARTIAL_NAME = '.vmbus-copy'

/** What the calls of a driver share; only `state` and that of its framing are saved. */
interface Context {
  readonly deps: GuestDriverDeps
  readonly files: FileSystem
  readonly separator: Separator
  readonly quirks: ReadonlySet<FcopyQuirk>
  state: State
}

function drop({ files, state }: Context): void {
  if (state.copy !== undefined) files.remove(state.copy.partial)
  state.copy = undefined
}

/** The copy under way will not be completed. */
function forget(ctx: Context): void {
  if (ctx.quirks.has('in-place')) ctx.state.copy = undefined
  else drop(ctx)
}

function start(ctx: Context, view: DataView): number {
  const { files, separator, quirks, state } = ctx
  forget(ctx)
  const asked = startOf(view)
  if (asked === undefined) return HResult.invalidArgument
  const { file_name: name, path_name: path, copy_flags: flags, file_size: size } = asked
  const target = quirks.has('trusts-names') ? `${path}${separator}${name}` : targetPath(path, name, separator)
  if (target === undefined) return HResult.invalidArgument
  const folder = folderOf(target, separator)
  const made = quirks.has('slashed-folders') ? folderOf(path, separator) : folder
  if ((flags & CopyFlags.createPath) !== 0 && !files.makeFolder(made)) return HResult.fail
  if ((flags & CopyFlags.overwrite) === 0 && files.exists(target)) return HResult.alreadyExists
  const partial = quirks.has('in-place') ? target : `${folder === separator ? '' : folder}${separator}${PARTIAL_NAME}`
  const status = files.create(partial)
  if (status === HResult.ok) state.copy = { target, partial, size, received: 0 }
  return status
}

function data({ files, quirks }: Context, copy: Copy, view: DataView, bytes: Uint8Array): number {
  const offset = offsetOf(view)
  const size = fcopyData.read.size(view, At.body)
  if (offset === undefined || size > BLOCK_BYTES) return HResult.invalidArgument
  if (!quirks.has('trusts-offsets') && (offset > copy.received || offset + size > copy.size))
    return HResult.invalidArgument
  const from = At.body + fcopyData.offsets.data
  const status = files.write(copy.partial, offset, bytes.subarray(from, from + size))
  if (status === HResult.ok) copy.received = Math.max(copy.received, offset + size)
  return status
}

function complete(ctx: Context, copy: Copy): number {
  const { files, deps, quirks, state } = ctx
  if (!quirks.has('trusts-offsets') && copy.received !== copy.size) {
    drop(ctx)
    return HResult.fail
  }
  const status = copy.partial === copy.target ? HResult.ok : files.rename(copy.partial, copy.target)
  if (status !== HResult.ok) drop(ctx)
  else {
    state.copy = undefined
    deps.event('received', { path: copy.target, size: copy.received })
  }
  return status
}

function onRequest(ctx: Context, { view, bytes, bodyLength }: IcRequest): number {
  const { daemon, copy } = ctx.state
  if (!daemon) return HResult.fail
  if (bodyLength < fcopyHeader.size) return HResult.invalidArgument
  const operation = fcopyHeader.read.operation(view, At.body)
  if (operation === FcopyOperation.start)
    return bodyLength < fcopyStart.size ? HResult.invalidArgument : start(ctx, view)
  if (operation === FcopyOperation.cancel) {
    drop(ctx)
    return HResult.ok
  }
  if (copy === undefined) return HResult.fail
  if (operation === FcopyOperation.complete) return complete(ctx, copy)
  if (operation !== FcopyOperation.data || bodyLength < fcopyData.size) return HResult.invalidArgument
  return data(ctx, copy, view, bytes)
}

/** Takes files in: they appear under their name when they are whole, and not at all when they are not. Throws OptionsError. */
export function fcopyGuest(options: FcopyGuestOptions, deps: GuestDriverDeps): FcopyGuest {
  const { files, separator = '/' } = checkOptions('fcopy.driver', guestOptions, options)
  const state: State = { daemon: options.daemon ?? true, copy: undefined }
  const ctx: Context = { deps, files, separator, quirks: new Set(options.quirks), state }
  const ic = icGuest(deps, framingOf(options, FCOPY_VERSIONS), {
    type: IcType.fcopy,
    request: (request) => onRequest(ctx, request),
  })
  const gone = (): void => {
    drop(ctx)
    ic.reset()
  }

  return {
    setDaemon(running) {
      ctx.state.daemon = running
      if (!running) forget(ctx)
    },
    offered: (channel) => ic.offered(channel),
    opened: (channel, status) => ic.opened(channel, status),
    readable: (channel) => ic.readable(channel),
    closed: gone,
    rescinded: gone,
    save: () => plainCopy({ ...FORM.head, ...ctx.state, ic: ic.save() }),
    checkState: (saved) => void restoreState(saved, FORM),
    restore(saved) {
      const { kind: _, v: __, ic: framing, ...own } = restoreState(saved, FORM)
      ctx.state = own
      ic.restore(framing)
    },
    inspect: () => ({ ...ic.state, daemon: ctx.state.daemon, ...ctx.state.copy }),
  }
}

/** A size beyond 2^53 is no file's. */
const isSafe = (view: DataView, at: number): boolean => view.getUint32(at + 4, true) < 0x20_0000

const startOf = (view: DataView): ReturnType<typeof fcopyStart.decode> | undefined =>
  isSafe(view, At.body + fcopyStart.offsets.file_size) ? fcopyStart.decode(view, At.body) : undefined

const offsetOf = (view: DataView): number | undefined =>
  isSafe(view, At.body + fcopyData.offsets.offset) ? fcopyData.read.offset(view, At.body) : undefined
