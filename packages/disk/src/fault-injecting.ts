import { instance, integer, list, object, restoreState, stateForm } from '@vmbus/world'
import type { BlockDevice, BlockStatus, DiskState } from './block.ts'
import { forwarding } from './forwarding.ts'
import { checkFor } from './options.ts'

export type BlockOperation = 'read' | 'write' | 'flush' | 'discard' | 'zero'

/** An error to answer instead of doing the work. */
export interface Fault {
  /** Default: every operation. */
  readonly operation?: BlockOperation
  /** Sectors that it hits, when a request touches one of them; default all, and flushes always. */
  readonly sector?: number
  readonly count?: number
  readonly status: Exclude<BlockStatus, 'ok'>
  /** How often; default for ever. */
  readonly times?: number
}

export interface FaultInjectingDisk extends BlockDevice {
  inject(fault: Fault): void
  /** Takes all faults away. */
  heal(): void
}

interface FaultInjectingFields {
  readonly faults: readonly { readonly fault: Fault; readonly hits: number }[]
  readonly disk: DiskState
}

const form = stateForm<FaultInjectingFields>('fault-injecting', 1, {
  faults: list(object({ fault: instance<Fault>(), hits: integer() })),
  disk: instance<DiskState>(),
})

/** A disk that answers errors on demand; a request that is hit has no effect. */
export function faultInjectingDisk(disk: BlockDevice, initial: readonly Fault[] = []): FaultInjectingDisk {
  const checked = (fault: Fault): { fault: Fault; hits: number } => {
    checkFor('faultInjectingDisk', fault)
    return { fault: { ...fault }, hits: 0 }
  }
  let faults = initial.map(checked)

  const hit = (operation: BlockOperation, sector: number, count: number): BlockStatus => {
    for (const each of faults) {
      const { fault } = each
      if (each.hits >= (fault.times ?? Infinity)) continue
      if (fault.operation !== undefined && fault.operation !== operation) continue
      const from = fault.sector ?? 0
      const to = fault.sector === undefined ? Infinity : from + (fault.count ?? 1)
      if (operation !== 'flush' && (sector >= to || sector + count <= from)) continue
      each.hits++
      return fault.status
    }
    return 'ok'
  }
  const sectorsOf = (buffers: readonly Uint8Array[]): number =>
    buffers.reduce((sum, { length }) => sum + length, 0) / disk.sectorSize

  const device = forwarding(() => disk, {
    read(sector, buffers) {
      const status = hit('read', sector, sectorsOf(buffers))
      return status === 'ok' ? disk.read(sector, buffers) : status
    },
    write(sector, buffers) {
      const status = hit('write', sector, sectorsOf(buffers))
      return status === 'ok' ? disk.write(sector, buffers) : status
    },
    flush() {
      const status = hit('flush', 0, 0)
      return status === 'ok' ? disk.flush() : status
    },
    discard(sector, count) {
      const status = hit('discard', sector, count)
      return status === 'ok' ? disk.discard(sector, count) : status
    },
    zero(sector, count) {
      const status = hit('zero', sector, count)
      return status === 'ok' ? disk.zero(sector, count) : status
    },
    save: (): FaultInjectingFields & DiskState => ({
      ...form.head,
      faults: faults.map((each) => ({ ...each })),
      disk: disk.save(),
    }),
    restore(state) {
      const saved = restoreState(state, form)
      const next = saved.faults.map(({ fault, hits }) => ({ ...checked(fault), hits }))
      disk.restore(saved.disk)
      faults = next
    },
    checkState: (state) => disk.checkState?.(restoreState(state, form).disk),
    inspect: () => ({ ...disk.inspect(), faults: faults.map(({ fault, hits }) => ({ ...fault, hits })) }),
  })
  return Object.assign(device, {
    inject: (fault: Fault) => void faults.push(checked(fault)),
    heal() {
      faults = []
    },
  })
}
