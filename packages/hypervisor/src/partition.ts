import { DEFAULT_FEATURES, cpuidLeaf, effectiveFeatures } from './cpuid.ts'
import { PartitionError } from './errors.ts'
import { createHypercalls } from './hypercalls.ts'
import { createMsrs, msrTable } from './msrs/access.ts'
import type { MsrContext } from './msrs/table.ts'
import { portTable } from './ports.ts'
import { MISC_FEATURE, PRIVILEGE } from './privileges.ts'
import { enabledPage } from './register.ts'
import { checkState, restoreState, saveState } from './snapshot.ts'
import { SINTS, newPartitionState, type PartitionState, type VpState } from './state.ts'
import { createSyntheticTimers } from './stimers.ts'
import { createSynic } from './synic.ts'
import type { Partition, PartitionOptions } from './types.ts'

export const MAX_VPS = 2048

/** `vmcall; ret`, what Hyper-V writes on Intel processors; `vmmcall; ret` on AMD. */
export const HYPERCALL_CODE_INTEL: readonly number[] = [0x0f, 0x01, 0xc1, 0xc3]
export const HYPERCALL_CODE_AMD: readonly number[] = [0x0f, 0x01, 0xd9, 0xc3]

const DEFAULT_QUEUE_DEPTH = 1024
const PAGE = 4096

/**
 * A partition: what a guest's processors trap on, and what a host does to its guest, over one state. It starts as after
 * power-on. @throws PartitionError VMBUS_PARTITION_OPTION for a number of processors outside 1…2048 or a hypercall code
 * that does not fit into its page.
 */
export function createPartition(options: PartitionOptions): Partition {
  const { memory, clock, vps, trace, diagnose } = options
  const hypercallCode = options.hypercallCode ?? Uint8Array.from(HYPERCALL_CODE_INTEL)
  checkSize(vps, hypercallCode)
  const features = effectiveFeatures(options.features, options.apic !== undefined)
  const state = newPartitionState()
  const ports = portTable()
  const listeners = new Set<(vp: number) => void>()

  const interrupt = (vp: number, vector: number, autoEoi: boolean): void => {
    if (trace !== undefined) trace({ kind: 'interrupt', vp, vector })
    options.interrupt(vp, vector, autoEoi)
  }
  const synic = createSynic({
    state,
    memory,
    vps,
    queueDepth: options.messageQueueDepth ?? DEFAULT_QUEUE_DEPTH,
    interrupt,
  })
  const timers = createSyntheticTimers({
    state,
    clock,
    timers: options.timers,
    directMode: (features.misc & MISC_FEATURE.directTimers) !== 0,
    place: synic.place,
    raise: synic.raise,
    interrupt,
  })
  /** Timers first: they are few, and each is late already. */
  const retry = (vp: number, sint: number): void => {
    timers.retry(vp, sint)
    if (sint >= 0) synic.retry(vp, sint)
    else for (let n = 0; n < SINTS; n++) synic.retry(vp, n)
    for (const listener of listeners) listener(vp)
  }
  const hypercall = createHypercalls({ state, features, memory, vps, ports, trace, diagnose })

  const context: MsrContext = {
    state,
    features,
    memory,
    clock,
    timers,
    hypercallCode,
    apic: options.apic,
    tscOrigin: options.tscOrigin,
    retry,
    crashed: options.crashed?.bind(options),
    reset: options.reset?.bind(options),
    idle: options.idle?.bind(options),
  }
  const hasApic = ((options.features?.privilegesLow ?? DEFAULT_FEATURES.privilegesLow) & PRIVILEGE.apic) !== 0

  return {
    memory,
    clock,
    vps,
    guestOsId: () => guestOsId(state),
    cpuid: (_vp, leaf, _subleaf, out) => cpuidLeaf(features, leaf >>> 0, out),
    ...createMsrs(msrTable(context, hasApic), options),
    hypercall,
    timer: (name) => timers.fired(name),
    eoi(vp, vector) {
      state.vps[vp]?.sints.forEach((sint, n) => {
        if ((sint.low & 0xff) === vector) retry(vp, n)
      })
    },
    connectMessagePort: (connection, port) => ports.connectMessage(connection, port),
    connectEventPort: (connection, port) => ports.connectEvent(connection, port),
    disconnectPort: (connection) => ports.disconnect(connection),
    postMessage: (vp, sint, type, payload) => synic.post(vp, sint, type, payload),
    signalEvent: (vp, sint, flag) => synic.signal(vp, sint, flag),
    assertSint: (vp, sint) => synic.assert(vp, sint),
    queuedMessages: (vp, sint) => state.vps[vp]?.queues[sint]?.length ?? 0,
    dropMessages(vp, sint) {
      const queue = state.vps[vp]?.queues[sint]
      if (queue !== undefined) queue.length = 0
    },
    onSynicReady(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    sintReady: (vp, sint) => synic.ready(vp, sint),
    save: () => saveState(state),
    checkState: (from) => void checkState(from, vps),
    restore(from) {
      const saved = checkState(from, vps)
      timers.disarmAll()
      restoreState(state, saved)
      timers.armAll()
    },
    inspect: () => ({
      ...inspectState(state, memory.size),
      features,
      messagePorts: [...ports.messages.keys()],
      eventPorts: [...ports.events.keys()],
    }),
  }
}

function checkSize(vps: number, hypercallCode: Uint8Array): void {
  if (!Number.isInteger(vps) || vps < 1 || vps > MAX_VPS)
    throw new PartitionError('VMBUS_PARTITION_OPTION', `${vps} virtual processors are not 1…${MAX_VPS}`)
  if (hypercallCode.length > PAGE)
    throw new PartitionError('VMBUS_PARTITION_OPTION', `hypercall code of ${hypercallCode.length} bytes exceeds a page`)
}

function inspectState(state: PartitionState, ram: number): Record<string, unknown> {
  const processors: Record<string, unknown> = {}
  state.vps.forEach((vp, index) => {
    if (vp !== undefined) processors[index] = inspectVp(vp, ram)
  })
  return {
    guestOsId: `0x${guestOsId(state).toString(16)}`,
    hypercallPage: enabledPage(state.hypercall, ram),
    referenceTscPage: enabledPage(state.referenceTsc, ram),
    processors,
  }
}

const guestOsId = ({ guestOsId: { low, high } }: PartitionState): bigint =>
  (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)

/** GPAs are -1 when the page is off. */
function inspectVp(vp: VpState, ram: number): Record<string, unknown> {
  return {
    synic: (vp.scontrol.low & 1) !== 0,
    messagePage: enabledPage(vp.simp, ram),
    eventFlagsPage: enabledPage(vp.siefp, ram),
    sints: vp.sints.map((sint) => sint.low),
    queued: vp.queues.map((queue) => queue.length),
    timers: vp.timers.map(({ config, due, waiting }) => ({ config: config.low, due, waiting })),
  }
}
