import type { ImageOptions, ImageSource, PreparedImage } from './image/image-types.ts'
import type { GuestThreads } from './worker/threads.ts'
import type { HostEvent, MachineSettings, SessionSnapshot } from './session-types.ts'

/** A host that runs inside the machine's worker, synchronously with the processor. */
export interface HostReference {
  /** The ES module, as a file: URL. */
  readonly module: string | URL
  /** The export that is a HostFactory; default `host`. */
  readonly export?: string
  /** Passed to it; a plain value. */
  readonly options?: unknown
  /**
   * A name for what of this host a guest sees before hv_vmbus is loaded. With it, a snapshot of the booted guest is kept in
   * the cache and later boots take a fraction of a second; without it, every boot starts at power-on.
   */
  readonly snapshotKey?: string
}

export interface BootOptions extends MachineSettings, ImageOptions {
  /** A source to prepare, or an image prepared before. */
  readonly image: ImageSource | PreparedImage
  readonly host?: HostReference
  /** Use and keep a snapshot taken before hv_vmbus is loaded; default true where it is possible. */
  readonly snapshots?: boolean
  /** Start from this snapshot of the same image instead. */
  readonly from?: SessionSnapshot
  /** Load the image's modules once the guest is up; default true. */
  readonly loadModules?: boolean
  /** Virtual seconds until the guest must be up; default 60. */
  readonly bootSeconds?: number
  /** Threads that serve one guest after another; default: this guest has a thread of its own, which ends with it. */
  readonly threads?: GuestThreads
  onConsole?(text: string): void
  onEvent?(event: HostEvent): void
  readonly signal?: AbortSignal
}
