import { filePools, type KvpItem, type KvpPoolName, type PoolItem } from '@vmbus/kvp'
import type { DaemonName } from './daemons.ts'
import { poolFilesOf } from './file-tree.ts'
import type { LinuxSystem } from './system.ts'

/** A daemon of the guest. */
export interface LinuxDaemon {
  readonly running: boolean
  start(): void
  /** As `kill` does: nothing is put in order first. */
  stop(): void
}

/** hv_kvp_daemon. Its pools are the files `/var/lib/hyperv/.kvp_pool_0` to `_4`, which other programs write to, too. */
export interface KvpDaemon extends LinuxDaemon {
  items(pool: KvpPoolName): readonly PoolItem[]
  /** As a program of the guest would; returns an HRESULT. */
  put(pool: KvpPoolName, item: KvpItem): number
}

/** hv_vss_daemon. */
export interface VssDaemon extends LinuxDaemon {
  /** The file systems stand still. */
  readonly frozen: boolean
}

/** hv_fcopy_daemon. */
export interface FcopyDaemon extends LinuxDaemon {
  /** Paths of the files that came from the host. */
  readonly received: readonly string[]
}

export interface LinuxDaemons {
  readonly kvp: KvpDaemon
  readonly vss: VssDaemon
  readonly fcopy: FcopyDaemon
}

class Daemon implements LinuxDaemon {
  protected readonly system: LinuxSystem
  readonly #name: DaemonName
  constructor(system: LinuxSystem, name: DaemonName) {
    this.system = system
    this.#name = name
  }
  get running(): boolean {
    return this.system.daemons.isRunning(this.#name)
  }
  start(): void {
    this.system.daemons.setRunning(this.#name, true)
  }
  stop(): void {
    this.system.daemons.setRunning(this.#name, false)
  }
}

class Kvp extends Daemon implements KvpDaemon {
  readonly #pools = filePools(poolFilesOf(this.system.files))
  items(pool: KvpPoolName): readonly PoolItem[] {
    return this.#pools.items(pool)
  }
  put(pool: KvpPoolName, item: KvpItem): number {
    return this.#pools.put(pool, item)
  }
}

class Vss extends Daemon implements VssDaemon {
  get frozen(): boolean {
    return this.system.daemons.frozen
  }
}

class Fcopy extends Daemon implements FcopyDaemon {
  get received(): readonly string[] {
    return [...this.system.daemons.received]
  }
}

/** The daemons of a system as its owner sees them. */
export const daemonSurface = (system: LinuxSystem): LinuxDaemons => ({
  kvp: new Kvp(system, 'kvp'),
  vss: new Vss(system, 'vss'),
  fcopy: new Fcopy(system, 'fcopy'),
})
