import type { WorldGuest } from '@vmbus/simulation'
import type {
  DiskResult,
  ListedDevice,
  StageDisk,
  StageFiles,
  StageKeyValues,
  StageMemory,
  StageNet,
  StagePort,
} from '../probes/stage.ts'

/** Lets the guest's world run until something holds. */
export type Waits = (what: () => boolean, seconds?: number) => Promise<boolean>

/** What a stage needs of an operating system beside its bus: one for each family. */
export interface Surface {
  readonly guest: WorldGuest
  readonly disks: readonly StageDisk[]
  net(): StageNet
  keyValues(): StageKeyValues
  memory(): StageMemory
  readonly files: Omit<StageFiles, 'provide'>
  readonly frozen: boolean
  listed(): readonly ListedDevice[]
  ports(): readonly StagePort[] | undefined
}

/** Seconds for which a request of a disk is waited for. */
const IO_SECONDS = 200
const ECHO_SECONDS = 5

interface Taken {
  readonly outcome: string
  readonly data?: Uint8Array | undefined
}

/** Waits for a request that a driver has taken. */
export async function ended(waits: Waits, id: number, take: (id: number) => Taken | undefined): Promise<DiskResult> {
  let taken: Taken | undefined
  await waits(() => {
    taken ??= take(id)
    return taken !== undefined
  }, IO_SECONDS)
  const { outcome = 'no answer', data = new Uint8Array(0) } = taken ?? {}
  return { ok: outcome === 'good', outcome, data }
}

/** An interface whose requests are made now and answered later. */
type Port = Omit<StageNet, 'ping'> & {
  ping(address: string, options?: { readonly bytes?: number }): { readonly answered: boolean }
}

export function stageNet(port: Port, waits: Waits): StageNet {
  return {
    name: port.name,
    get exists() {
      return port.exists
    },
    get mac() {
      return port.mac
    },
    get mtu() {
      return port.mtu
    },
    get carrier() {
      return port.carrier
    },
    get isUp() {
      return port.isUp
    },
    get address() {
      return port.address
    },
    up: () => port.up(),
    down: () => port.down(),
    setMtu: (mtu) => port.setMtu(mtu),
    setAddress: (address) => port.setAddress(address),
    send: (frame) => port.send(frame),
    onFrame: (listener) => port.onFrame(listener),
    ping(address, bytes) {
      const request = port.ping(address, bytes === undefined ? {} : { bytes })
      return waits(() => request.answered, ECHO_SECONDS)
    },
  }
}
