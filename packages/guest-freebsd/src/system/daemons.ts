import { FREEBSD_KVP_DEVICE, filePools, registration, type KvpItem, type KvpPoolName, type PoolStore } from '@vmbus/kvp'
import { KvpPool } from '@vmbus/kvp/protocol'
import { FreebsdVssOption, freebsdVssMessage } from '@vmbus/vss/protocol'
import { anything, flag, pair, restoreState, stateForm } from '@vmbus/world'
import type { NetInterfaces } from '../net/interfaces.ts'
import { APP_NODE, FS_NODE } from '../services/vss.ts'
import { CharacterDevice } from './device-node.ts'
import type { Files } from './files.ts'
import { kvpAnswer } from './kvp-daemon.ts'

export type DaemonName = 'kvp' | 'vss'

/** A daemon of the guest. */
export interface FreebsdDaemon {
  readonly running: boolean
  /** Does nothing while a program of yours has its node. */
  start(): void
  /** As `kill` does: nothing is put in order first. */
  stop(): void
}

/** hv_kvp_daemon(8). Its pools are the files /var/db/hyperv/pool/.kvp_pool_0 to _4. */
export interface KvpDaemon extends FreebsdDaemon {
  items(pool: KvpPoolName): readonly KvpItem[]
  /** As a program of the guest would; returns an HRESULT. */
  put(pool: KvpPoolName, item: KvpItem): number
}

/** hv_vss_daemon(8). */
export interface VssDaemon extends FreebsdDaemon {
  /** The file systems stand still. */
  readonly frozen: boolean
}

export interface FreebsdDaemons {
  readonly kvp: KvpDaemon
  readonly vss: VssDaemon
}

class NodeDaemon implements FreebsdDaemon {
  readonly node: CharacterDevice
  /** rc.conf has it: it starts when its node appears. */
  enabled: boolean
  constructor(node: CharacterDevice, enabled: boolean) {
    this.node = node
    this.enabled = enabled
    node.appeared = () => {
      if (this.enabled) this.start()
    }
  }
  get running(): boolean {
    return this.node.user === 'daemon'
  }
  start(): void {
    this.enabled = true
    if (this.node.open('daemon') === 0) this.began()
  }
  stop(): void {
    this.enabled = false
    if (this.running) this.node.close()
  }
  protected began(): void {
    // It has nothing to say by itself.
  }
}

const { node: KVP_NODE, poolDirectory: directory } = FREEBSD_KVP_DEVICE

class Kvp extends NodeDaemon implements KvpDaemon {
  readonly #files: Files
  readonly #pools: PoolStore
  constructor(files: Files, net: NetInterfaces, intrinsic: () => readonly KvpItem[], enabled: boolean) {
    // contrib/hyperv/tools/hv_kvp_daemon.c empties the file and writes it anew.
    const pools = filePools(files, { directory, rewrite: 'in-place' })
    super(new CharacterDevice(KVP_NODE, (message) => kvpAnswer({ pools, net, intrinsic }, message)), enabled)
    this.#files = files
    this.#pools = pools
  }
  /** Makes the files that are not there, and registers with the kernel. */
  protected override began(): void {
    for (const pool of Object.values(KvpPool)) {
      const path = `${directory}/.kvp_pool_${pool}`
      if (this.#files.read(path) === undefined) this.#files.create(path)
    }
    this.node.write(registration(FREEBSD_KVP_DEVICE))
  }
  items(pool: KvpPoolName): readonly KvpItem[] {
    return this.#pools.items(pool)
  }
  put(pool: KvpPoolName, item: KvpItem): number {
    return this.#pools.put(pool, item)
  }
}

class Vss extends NodeDaemon implements VssDaemon {
  frozen = false
  constructor(enabled: boolean) {
    super(new CharacterDevice(FS_NODE, (message) => this.#answer(message)), enabled)
  }
  /** Every file system can be frozen here. */
  #answer(message: Uint8Array): Uint8Array {
    const { opt, msgid } = freebsdVssMessage.parse(message)
    if (opt !== FreebsdVssOption.check) this.frozen = opt === FreebsdVssOption.freeze
    return freebsdVssMessage.toBytes({ opt, status: 0, msgid })
  }
}

interface Saved {
  readonly frozen: boolean
  readonly enabled: readonly [kvp: boolean, vss: boolean]
  readonly kvp: unknown
  readonly fs: unknown
  readonly app: unknown
}

const FORM = stateForm<Saved>('freebsd-daemons', 1, {
  frozen: flag,
  enabled: pair(flag, flag),
  kvp: anything,
  fs: anything,
  app: anything,
})

/** The daemons, and the nodes through which they and programs talk to the kernel. */
export class DaemonSet implements FreebsdDaemons {
  readonly kvp: Kvp
  readonly vss: Vss
  /** For an application that wants to stand still during a backup. */
  readonly app: CharacterDevice = new CharacterDevice(APP_NODE, () => undefined)

  /** `enabled` names those that run from the start. */
  constructor(files: Files, net: NetInterfaces, intrinsic: () => readonly KvpItem[], enabled: readonly DaemonName[]) {
    this.kvp = new Kvp(files, net, intrinsic, enabled.includes('kvp'))
    this.vss = new Vss(enabled.includes('vss'))
  }
  get nodes(): readonly CharacterDevice[] {
    return [this.kvp.node, this.vss.node, this.app]
  }
  save(): unknown {
    const { kvp, vss, app } = this
    const enabled = [kvp.enabled, vss.enabled]
    return { ...FORM.head, frozen: vss.frozen, enabled, kvp: kvp.node.save(), fs: vss.node.save(), app: app.save() }
  }
  restore(saved: unknown): void {
    const { frozen, enabled, kvp, fs, app } = restoreState(saved, FORM)
    ;[this.kvp.enabled, this.vss.enabled] = enabled
    this.vss.frozen = frozen
    this.kvp.node.restore(kvp)
    this.vss.node.restore(fs)
    this.app.restore(app)
  }
}
