import type { GuestFile } from '../guest/initrd.ts'
import type { ReleaseName } from './apt.ts'
import type { Flavour } from './packages.ts'

/** Where a kernel comes from. */
export type ImageSource =
  /** A Debian release by apt; its packages are fetched once into the cache. */
  | { readonly release: ReleaseName; readonly flavour?: Flavour }
  /** A kernel package file; `userland` names the release that busybox and further packages come from (default debian-12). */
  | { readonly deb: string; readonly userland?: ReleaseName }
  /** A bzImage and an initial RAM disk of the user's own. Without our process 1, `exec` is not there. */
  | { readonly kernel: string; readonly initrd: string }

export interface ImageOptions {
  /** Kernel modules to carry, with what they depend on. */
  readonly modules?: readonly string[]
  /** Debian packages to unpack into the guest, with what they depend on. */
  readonly packages?: readonly string[]
  /** Further files, by their path in the guest. */
  readonly files?: Readonly<Record<string, GuestFile>>
  readonly cacheFolder?: string
  readonly signal?: AbortSignal
  /** What is waited for or fetched, in words: packages can take minutes. */
  onProgress?(text: string): void
}

/** Everything that a machine boots from, as bytes. */
export interface PreparedImage {
  readonly name: string
  readonly bzImage: Uint8Array
  readonly initrd: Uint8Array
  /** Modules in load order, as far as the initial RAM disk carries them. */
  readonly modules: readonly string[]
  /** What each of them needs before it, in load order; default nothing. */
  readonly needs?: Readonly<Record<string, readonly string[]>>
  /** Does the initial RAM disk run our process 1 with its command agent? */
  readonly agent: boolean
  /** Files that are from no package, by their path in the guest. */
  readonly files?: readonly string[]
  /** SHA-256 of kernel and initial RAM disk together: an image's identity for snapshots and replays. */
  readonly digest: string
}
