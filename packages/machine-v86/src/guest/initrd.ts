import { FileType, writeCpio, type CpioEntry } from '../archive/cpio.ts'
import type { TarEntry } from '../archive/tar.ts'
import { MachineError } from '../errors.ts'
import type { LoadableModule } from '../image/modules.ts'
import { INIT_SCRIPT, POWEROFF_SCRIPT, REBOOT_SCRIPT } from './init.ts'

/** A file to add, by its path in the guest. */
export interface GuestFile {
  readonly contents: string | Uint8Array
  /** Permission bits; default 0o644, or 0o755 for contents that begin with `#!`. */
  readonly mode?: number
}

export interface InitrdParts {
  readonly busybox: Uint8Array
  /** In load order. */
  readonly modules: readonly Pick<LoadableModule, 'name' | 'bytes'>[]
  /** Files of packages; later ones win. */
  readonly entries: readonly TarEntry[]
  readonly files: Readonly<Record<string, GuestFile>>
}

/** Parts of packages that no program of a test guest reads, and that would only fill its memory. */
const LEFT_OUT =
  /^(?:usr\/)?(?:share\/(?:doc|man|locale|lintian|bug|info|bash-completion|zoneinfo)|lib\/[^/]+\/gconv|lib\/systemd|games|include)(?:\/|$)/

const encoder = new TextEncoder()
const nothing = new Uint8Array(0)

/** Where a module of an initial RAM disk lies. */
export function modulePath(name: string): string {
  return `/lib/modules/vmbus/${name}.ko`
}

/** The initial RAM disk: busybox, our process 1, modules, packages and further files. Equal parts give equal bytes. */
export function buildInitrd(parts: InitrdParts): Uint8Array {
  const tree = new Map<string, CpioEntry>()
  const directory = (path: string): void => {
    if (path === '' || tree.has(path)) return
    directory(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
    tree.set(path, { path, mode: FileType.directory | 0o755, bytes: nothing })
  }
  const put = (path: string, mode: number, bytes: Uint8Array, device?: CpioEntry['device']): void => {
    directory(path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
    tree.set(path, { path, mode, bytes, ...(device === undefined ? {} : { device }) })
  }
  const program = (path: string, text: string): void => put(path, FileType.regular | 0o755, encoder.encode(text))

  for (const entry of parts.entries) {
    if (entry.path === '' || LEFT_OUT.test(entry.path)) continue
    if (entry.type === 'directory') directory(entry.path)
    else if (entry.type === 'symlink') put(entry.path, FileType.symlink | 0o777, encoder.encode(entry.target))
    else if (entry.type === 'file') put(entry.path, FileType.regular | entry.mode, entry.bytes)
    else if (entry.type === 'hardlink') {
      const original = tree.get(entry.target.replace(/^\.?\//, ''))
      if (original !== undefined) put(entry.path, original.mode, original.bytes)
    }
  }
  // The kernel's console before devtmpfs is mounted.
  put('dev/console', FileType.character | 0o600, nothing, { major: 5, minor: 1 })
  put('bin/busybox', FileType.regular | 0o755, parts.busybox)
  put('bin/sh', FileType.symlink | 0o777, encoder.encode(tree.has('bin/dash') ? 'dash' : 'busybox'))
  program('init', INIT_SCRIPT)
  program('sbin/poweroff', POWEROFF_SCRIPT)
  program('sbin/reboot', REBOOT_SCRIPT)
  for (const module of parts.modules) put(modulePath(module.name).slice(1), FileType.regular | 0o644, module.bytes)
  for (const [path, { contents, mode }] of Object.entries(parts.files)) {
    const bytes = typeof contents === 'string' ? encoder.encode(contents) : contents
    const isScript = bytes[0] === 0x23 && bytes[1] === 0x21
    put(guestPath(path), FileType.regular | (mode ?? (isScript ? 0o755 : 0o644)), bytes)
  }
  return writeCpio([...tree.values()])
}

function guestPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '')
  if (parts.length === 0 || parts.includes('..') || parts.includes('.')) {
    throw new MachineError('VMBUS_MACHINE_OPTIONS', `not a path in the guest: ${path}`, { path })
  }
  return parts.join('/')
}
