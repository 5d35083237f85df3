import type { QueueStatistics } from '@vmbus/netvsc'
import type { VfFunction, VfLink, VfState } from '@vmbus/netvsc/stack'
import type { WorldGuest } from '@vmbus/simulation'
import type {
  DiskResult,
  StageDisk,
  ListedDevice,
  StageFiles,
  StageFunctions,
  StageKeyValues,
  StageMemory,
  StageNet,
  StagePort,
  StageTools,
} from '../probes/stage.ts'

/** Lets the guest's world run until something holds. */
export type Waits = (what: () => boolean, seconds?: number) => Promise<boolean>

/** What a stage needs of an operating system beside its bus: one for each family. */
export interface Surface {
  readonly guest: WorldGuest
  readonly disks: readonly GuestDisk[]
  net(): StageNet
  keyValues(): StageKeyValues
  memory(): StageMemory
  readonly files: Omit<StageFiles, 'provide'>
  readonly frozen: boolean
  listed(): readonly ListedDevice[]
  ports(): readonly StagePort[] | undefined
}

/** A disk whose requests are begun now, by an id, and end later. Offsets and lengths are bytes. */
export interface GuestDisk extends Omit<StageDisk, 'read' | 'write' | 'flush' | 'discard'> {
  read(offset: number, bytes: number): number
  write(offset: number, data: Uint8Array): number
  flush(): number
  discard(offset: number, bytes: number): number
  /** How a request ended, told once; undefined while it is under way. */
  take(id: number): { readonly outcome: string; readonly data?: Uint8Array | undefined } | undefined
}

/** Seconds for which a request of a disk is waited for. */
const IO_SECONDS = 200
const ECHO_SECONDS = 5

/** A disk by its place, whichever host the guest is on when its requests end. */
export function stageDisk(disk: () => GuestDisk, waits: Waits): StageDisk {
  const ended = async (id: number): Promise<DiskResult> => {
    let taken: ReturnType<GuestDisk['take']>
    await waits(() => {
      taken ??= disk().take(id)
      return taken !== undefined
    }, IO_SECONDS)
    const { outcome = 'no answer', data = new Uint8Array(0) } = taken ?? {}
    return { ok: outcome === 'good', outcome, data }
  }
  return {
    get name() {
      return disk().name
    },
    get size() {
      return disk().size
    },
    get sectorSize() {
      return disk().sectorSize
    },
    get physicalSectorSize() {
      return disk().physicalSectorSize
    },
    get readOnly() {
      return disk().readOnly
    },
    get canDiscard() {
      return disk().canDiscard
    },
    read: (offset, bytes) => ended(disk().read(offset, bytes)),
    write: (offset, data) => ended(disk().write(offset, data)),
    flush: () => ended(disk().flush()),
    discard: (offset, bytes) => ended(disk().discard(offset, bytes)),
  }
}

/** An interface whose requests are made now and answered later, and which throws what the system refuses. */
type Port = Omit<StageNet, 'ping' | 'setMtu' | keyof StageTools> & {
  setMtu(mtu: number): void
  ping(address: string, options?: { readonly bytes?: number }): { readonly answered: boolean }
}

const REFUSALS: readonly unknown[] = [
  'VMBUS_LINUX_NET',
  'VMBUS_FREEBSD_NET',
  'VMBUS_WINDOWS_NET',
  'VMBUS_OPTIONS_INVALID',
]

/** An adapter of a system whose tools show its channels and its virtual function. */
interface Adapter {
  readonly queues: readonly QueueStatistics[]
  readonly vf: VfState
  attachVf(vf: VfFunction): VfLink
}

/** Packets that an adapter's channels have sent. */
export const packetsOf = ({ queues }: Pick<Adapter, 'queues'>): number =>
  queues.reduce((sum, { framesSent }) => sum + framesSent, 0)

export const receivedBy = ({ queues }: Pick<Adapter, 'queues'>): readonly number[] =>
  queues.map(({ framesReceived }) => framesReceived)

export const functionsOf = (adapter: Pick<Adapter, 'vf' | 'attachVf'>): StageFunctions => ({
  get serial() {
    return adapter.vf.serial
  },
  get dataPath() {
    return adapter.vf.dataPath
  },
  attach(serial, way) {
    const link = adapter.attachVf({ serial, send: (frame) => way.send(frame) })
    way.onFrame((frame) => link.receive(frame))
  },
})

/** Whether the system takes it. */
export function taken(change: () => void): boolean {
  try {
    change()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && REFUSALS.includes(error.code)) return false
    throw error
  }
}

export function stageNet(port: Port, waits: Waits, tools: StageTools = {}): StageNet {
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
    setMtu: (mtu) => taken(() => port.setMtu(mtu)),
    setAddress: (address) => port.setAddress(address),
    send: (frame, request) => port.send(frame, request),
    onFrame: (listener) => port.onFrame(listener),
    ping(address, bytes) {
      const request = port.ping(address, bytes === undefined ? {} : { bytes })
      return waits(() => request.answered, ECHO_SECONDS)
    },
    addVlan: tools.addVlan,
    get offloads() {
      return tools.offloads
    },
    coalescing: tools.coalescing,
    scaling: tools.scaling,
    functions: tools.functions,
  }
}
